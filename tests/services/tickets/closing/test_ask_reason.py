"""Closing what Huntress still has something for needs a reason of who is asked."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, change, fresh
from webapp.models import Alert, BellItem, Comment, Status, Ticket
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.closing.ask_reason import (
    NO_NOTE,
    NO_REASON,
    CloseAnswer,
    ReasonNeededError,
)
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=12)


def open_tickets() -> list[int]:
    """Open tickets of incidents that are open at Huntress; the first one's is closed there."""
    ids = [ticket.id for ticket in all_rows(Ticket, Ticket.closed_at.is_(None))]
    assert len(ids) > 2
    for key in ids:
        [alert] = all_rows(Alert, Alert.ticket_id == key)
        is_first = key == ids[0]
        change(Alert, alert.id, status="closed" if is_first else "sent", steps_left=0)
    return ids


def close(desk: Desk, key: int, answer: CloseAnswer | None, status: str = "Closed") -> None:
    [row] = all_rows(Status, Status.name == status)
    chosen = TicketChange(status_id=row.id, close=answer)
    change_ticket(key, chosen, actor_id=desk.helpdesk_id, seen_at=None)


def bodies(key: int) -> list[str]:
    return [one.body for one in all_rows(Comment, Comment.ticket_id == key)]


def test_a_finished_incident_needs_no_reason(desk: Desk) -> None:
    first, *_ = open_tickets()
    close(desk, first, CloseAnswer())
    assert fresh(Ticket, first).close_reason is None


def test_what_is_left_is_said_and_the_reason_kept(desk: Desk) -> None:
    _, key, *_ = open_tickets()
    [alert] = all_rows(Alert, Alert.ticket_id == key)
    change(Alert, alert.id, steps_left=2, steps_total=5)
    with pytest.raises(ReasonNeededError) as asked:
        close(desk, key, CloseAnswer())
    words = "the incident is open at Huntress, 2 of 5 steps there are not done"
    assert [one.left.words for one in asked.value.unfinished] == [words]
    assert fresh(Ticket, key).closed_at is None

    close(desk, key, CloseAnswer("accepted_risk", " The client\r\nknows. "))
    assert fresh(Ticket, key).close_reason == "accepted_risk"
    assert bodies(key)[-2] == "The client\nknows."
    assert bodies(key)[-1].endswith(f"to Closed. Reason: accepted risk; {words}.")
    assert audit_events()[-1].after["close_reason"] == "accepted_risk"
    found = list_tickets(TicketQuery(is_closed=True, close_reason="accepted_risk"))
    assert [row.id for row in found.tickets.rows] == [key]

    close(desk, key, CloseAnswer(), status="Open")
    assert fresh(Ticket, key).close_reason is None
    assert audit_events()[-1].after["close_reason"] is None


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (CloseAnswer(None), {}),
        (CloseAnswer(""), {"close_reason": NO_REASON}),
        (CloseAnswer("because"), {"close_reason": NO_REASON}),
        (CloseAnswer("other"), {"close_note": NO_NOTE}),
        (CloseAnswer("other", " \n"), {"close_note": NO_NOTE}),
        (CloseAnswer("other", "x" * 2_001), {"close_note": "A note has at most 2,000 characters."}),
    ],
)
def test_an_answer_has_to_be_one(desk: Desk, answer: CloseAnswer, fields: dict[str, str]) -> None:
    key = open_tickets()[1]
    with pytest.raises(ReasonNeededError) as asked:
        close(desk, key, answer)
    assert asked.value.fields == fields
    assert fresh(Ticket, key).closed_at is None


def test_whom_the_note_mentions_is_told_once(desk: Desk) -> None:
    ids = open_tickets()[1:3]
    [row] = all_rows(Status, Status.name == "Closed")
    answer = CloseAnswer("accepted_risk", "@Ada Okafor knows.")
    chosen = TicketChange(status_id=row.id, close=answer)
    bulk_change_tickets(ids, chosen, actor_id=desk.helpdesk_id)
    rung = all_rows(BellItem, BellItem.user_id == desk.admin_id)
    assert sorted((one.ticket_id, one.kind) for one in rung) == [(key, "mentioned") for key in ids]


def test_unfinished_steps_alone_ask(desk: Desk) -> None:
    first, *_ = open_tickets()
    [alert] = all_rows(Alert, Alert.ticket_id == first)
    change(Alert, alert.id, steps_left=1, steps_total=1)
    with pytest.raises(ReasonNeededError):
        close(desk, first, CloseAnswer())


def test_whoever_is_not_asked_closes_it(desk: Desk) -> None:
    key = open_tickets()[1]
    close(desk, key, None)
    assert fresh(Ticket, key).closed_at is not None


def test_many_are_asked_for_once(desk: Desk) -> None:
    ids = open_tickets()
    [row] = all_rows(Status, Status.name == "Closed")
    with pytest.raises(ReasonNeededError) as asked:
        bulk_change_tickets(
            ids, TicketChange(status_id=row.id, close=CloseAnswer()), actor_id=desk.admin_id
        )
    assert [one.ticket_id for one in asked.value.unfinished] == ids[1:]
    assert not any(fresh(Ticket, key).closed_at for key in ids)
    answer = CloseAnswer("other", "Migrated.")
    bulk_change_tickets(ids, TicketChange(status_id=row.id, close=answer), actor_id=desk.admin_id)
    assert all(fresh(Ticket, key).closed_at for key in ids)
    assert [("Migrated." in bodies(key)) for key in ids[1:]] == [True] * (len(ids) - 1)
