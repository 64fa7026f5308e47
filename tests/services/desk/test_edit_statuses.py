"""Statuses: one open default, one closed at least, and no ticket closed by a setting."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import START
from tests.support.poller import Desk
from tests.support.polling import AppThread
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.models import Connection, Status, Ticket
from webapp.services.connections import routing_settings
from webapp.services.desk.delete_guard import HeldError, delete_row
from webapp.services.desk.edit_rows import EditConflictError, version_of
from webapp.services.desk.edit_statuses import add_status, edit_status, make_default, move_status
from webapp.services.desk.read_desk import list_statuses, read_status
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.polling import held_connection
from webapp.services.tickets import ticket_fields
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.ticket_state import set_ticket_status

OPEN, PROGRESS, WAITING, CLOSED = 1, 2, 3, 4


def names() -> list[str]:
    return [row.row.name for row in list_statuses()]


def default_names() -> list[str]:
    return [row.name for row in all_rows(Status) if row.is_default]


def ticket(status_id: int) -> Ticket:
    return add(
        Ticket(
            number=f"TKT-{status_id}",
            title="T",
            description="",
            client_id=1,
            board_id=1,
            status_id=status_id,
            priority_id=1,
            source="manual",
            created_at=START,
            updated_at=START,
        )
    )


def test_statuses_are_added_at_the_end_and_moved(app: Flask) -> None:
    add_status("Solved", is_closed=True)
    assert names() == ["Open", "In progress", "Waiting", "Closed", "Solved"]
    solved = all_rows(Status)[-1]
    assert (solved.is_closed, solved.is_default) == (True, False)
    assert move_status(solved.id, is_up=True)
    assert names()[-2:] == ["Solved", "Closed"]
    assert audit_actions() == ["status.added", "status.moved"]


@both_databases
def test_the_default_moves_and_stays_one(app: Flask) -> None:
    assert make_default(WAITING)
    assert default_names() == ["Waiting"]
    assert make_default(WAITING) is False
    event = audit_events()[-1]
    assert (event.before, event.after) == ({"default": "Open"}, {"default": "Waiting"})
    with pytest.raises(ServiceError, match="Closed is a closed status"):
        make_default(CLOSED)
    with pytest.raises(NotFoundError):
        make_default(99)
    assert default_names() == ["Waiting"]


def test_an_unused_status_can_become_closed(app: Flask) -> None:
    seen = version_of({"name": "Waiting", "is_closed": False})
    assert edit_status(WAITING, "Done", is_closed=True, seen=seen)
    assert all_rows(Status, Status.id == WAITING)[0].is_closed
    with pytest.raises(EditConflictError):
        edit_status(WAITING, "Waiting", is_closed=True, seen=seen)
    assert edit_status(WAITING, "Waiting", is_closed=False)


def test_a_status_in_use_keeps_its_side(app: Flask) -> None:
    ticket(WAITING)
    with pytest.raises(FieldError) as caught:
        edit_status(WAITING, "Waiting", is_closed=True)
    assert set(caught.value.fields) == {"is_closed"}
    assert "1 ticket has this status" in str(caught.value)
    assert edit_status(WAITING, "On hold", is_closed=False)


def test_the_last_of_a_side_and_the_default_keep_it(app: Flask) -> None:
    with pytest.raises(FieldError, match="Closed is the last closed status"):
        edit_status(CLOSED, "Closed", is_closed=False)
    with pytest.raises(FieldError, match="Open is the status of new tickets"):
        edit_status(OPEN, "Open", is_closed=True)


def test_a_status_that_closes_incidents_tickets_stays_closed(app: Flask) -> None:
    solved = add_status("Solved", is_closed=True)
    add(
        Connection(
            name="Acme MSP",
            base_url="https://api.huntress.io",
            account_id="1",
            created_at=START,
            closed_status_id=solved.id,
        )
    )
    with pytest.raises(FieldError, match="the routing of Acme MSP uses it"):
        edit_status(solved.id, "Solved", is_closed=False)


@both_databases
def test_the_last_closed_status_cannot_be_deleted(app: Flask) -> None:
    with pytest.raises(HeldError, match="Closed is the last closed status"):
        delete_row(Status, CLOSED)
    add_status("Solved", is_closed=True)
    delete_row(Status, CLOSED)
    assert names() == ["Open", "In progress", "Waiting", "Solved"]


@both_databases
def test_the_last_two_closed_statuses_deleted_at_once(app: Flask) -> None:
    """Each sees another closed one at first; whoever is second has to look again."""
    ids = [CLOSED, add_status("Solved", is_closed=True).id]
    refused: list[HeldError] = []
    start = threading.Barrier(2)

    def delete(status_id: int) -> None:
        with app.app_context():
            start.wait()
            try:
                delete_row(Status, status_id)
            except HeldError as error:
                refused.append(error)

    threads = [threading.Thread(target=delete, args=(status_id,)) for status_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_rows(Status, Status.is_closed)) == 1
    assert len(refused) == 1


@both_databases
def test_a_status_a_ticket_is_just_getting_cannot_be_switched(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the ticket would have been closed without a closed time."""
    number = ticket(CLOSED).id
    admin, _ = desk_data.add_people()
    switches: list[AppThread] = []

    def set_after_a_try_to_switch(*args: Any, **options: Any) -> bool:
        switches.append(AppThread(app, lambda: edit_status(WAITING, "Waiting", is_closed=True)))
        switches[0].join(0.3)
        assert switches[0].is_alive(), "it did not wait for the ticket"
        return set_ticket_status(*args, **options)

    monkeypatch.setattr(ticket_fields, "set_ticket_status", set_after_a_try_to_switch)
    to_waiting = TicketChange(status_id=WAITING)
    assert change_ticket(number, to_waiting, actor_id=admin.id, seen_at=None)
    with pytest.raises(FieldError, match="1 ticket has this status"):
        switches[0].outcome()
    assert fresh(Ticket, number).closed_at is None
    assert not fresh(Status, WAITING).is_closed


@both_databases
def test_a_status_routing_is_just_getting_cannot_be_switched(
    app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or tickets would be "closed" with an open status from then on."""
    solved = add_status("Solved", is_closed=True).id
    check = routing_settings._check
    switches: list[AppThread] = []

    def check_before_a_try_to_switch(*args: Any) -> dict[str, str]:
        errors = check(*args)
        switches.append(AppThread(app, lambda: edit_status(solved, "Solved", is_closed=False)))
        switches[0].join(0.3)
        return errors

    monkeypatch.setattr(routing_settings, "_check", check_before_a_try_to_switch)
    routing_settings.save_routing(desk.connection_id, {"closed_status_id": solved})
    with pytest.raises(FieldError, match="uses it as its closed status"):
        switches[0].outcome()
    assert fresh(Status, solved).is_closed


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "edit",
    [
        lambda: edit_status(WAITING, "On hold", is_closed=False),
        lambda: make_default(WAITING),
        lambda: move_status(WAITING, is_up=True),
    ],
)
def test_a_poll_that_closes_and_reopens_never_blocks_an_edit_for_good(
    app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch, edit: Callable[[], bool]
) -> None:
    """It holds the closed status and wants the default one; an edit takes all by their ids."""
    desk.set(auto_close_tickets=True, closed_status_id=CLOSED)
    for number in (1, 2):
        desk.account.add_incident(7, now=desk.clock.now(), id=number)
    desk.poll()
    desk.account.update_incident(2, now=desk.clock.now(), status="closed")
    desk.poll()
    desk.account.update_incident(1, now=desk.clock.now(), status="closed")
    desk.account.update_incident(2, now=desk.clock.advance(seconds=1), status="sent")
    hold = held_connection.hold_default_status
    edits: list[AppThread] = []

    def hold_after_a_try_to_edit(session: Any) -> Status:
        edits.append(AppThread(app, edit))
        edits[0].join(0.3)
        return hold(session)

    monkeypatch.setattr(held_connection, "hold_default_status", hold_after_a_try_to_edit)
    counts = desk.poll().as_dict()
    assert edits[0].outcome()
    assert (counts["closed"], counts["reopened"], counts["failed"]) == (1, 1, 0)


@pytest.mark.parametrize("name", ["", "CLOSED", "x" * 201])
def test_names_that_no_status_can_have(app: Flask, name: str) -> None:
    for attempt in (
        lambda: add_status(name, is_closed=False),
        lambda: edit_status(WAITING, name, is_closed=False),
    ):
        with pytest.raises(FieldError) as caught:
            attempt()
        assert set(caught.value.fields) == {"name"}


def test_what_does_not_exist(app: Flask) -> None:
    with pytest.raises(NotFoundError, match="no status 99"):
        edit_status(99, "x", is_closed=False)
    with pytest.raises(NotFoundError):
        read_status(99)


def test_tickets_are_counted(app: Flask) -> None:
    ticket(WAITING)
    change(Ticket, 1, title="x")
    assert [row.tickets for row in list_statuses()] == [0, 0, 1, 0]
    assert [str(holder) for holder in read_status(WAITING).holders] == ["1 ticket"]
