"""What random histories have found, each as a small history of its own."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poison import cure_all, install_poison, poison
from tests.support.poller import Desk
from tests.support.rows import change
from webapp.models import Priority, Status, Ticket
from webapp.services.polling import sweep_incidents
from webapp.services.transactions import reading

ID = 7

pytestmark = both_databases


def report(desk: Desk, **fields: object) -> None:
    """The incident, with these fields from now on."""
    if ID in desk.account.incident_rows:
        desk.account.update_incident(ID, now=desk.clock.now(), **fields)
    else:
        desk.account.add_incident(now=desk.clock.now(), id=ID, **fields)


def seen(desk: Desk) -> tuple[str, str]:
    """The ticket's status and priority."""
    ticket = desk.ticket(ID)
    with reading() as session:
        fresh = session.get_one(Ticket, ticket.id, populate_existing=True)
        return fresh.status.name, fresh.priority.name


def status_id(name: str) -> int:
    with reading() as session:
        return session.scalars(select(Status.id).where(Status.name == name)).one()


def test_a_rise_that_comes_with_the_closing_counts_when_it_is_reopened(desk: Desk) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=status_id("Closed"))
    report(desk, severity="low")
    desk.poll()
    report(desk, severity="critical", status="closed")
    desk.poll()
    assert seen(desk)[0] == "Closed"
    report(desk, status="sent")
    desk.poll()
    assert seen(desk) == ("Open", "Critical")


def test_a_ticket_that_is_open_already_keeps_its_status_when_huntress_reopens(desk: Desk) -> None:
    report(desk)
    desk.poll()
    change(Ticket, desk.ticket(ID).id, status_id=status_id("In progress"))
    for status in ("closed", "sent"):
        report(desk, status=status)
        desk.poll()
    assert seen(desk)[0] == "In progress"


def test_a_rise_after_a_fall_does_not_lower_the_priority(desk: Desk) -> None:
    for severity in ("critical", "low", "high"):
        report(desk, severity=severity)
        desk.poll()
    assert seen(desk) == ("Open", "Critical")
    with reading() as session:
        positions = dict(session.execute(select(Priority.name, Priority.position)).all())
    assert positions["Critical"] < positions["High"]


def test_an_incident_that_is_there_again_after_a_404_is_open_again(desk: Desk) -> None:
    report(desk)
    desk.poll()
    row = desk.account.incident_rows.pop(ID)
    desk.poll(sweep=True)
    assert desk.alert(ID).status == "deleted"
    desk.account.incident_rows[ID] = row
    desk.poll(sweep=True)
    assert desk.alert(ID).status == "sent"
    assert len(desk.notes(ID)) == 3
    assert desk.poll(sweep=True).run.noted == 0


def test_a_report_about_to_be_deleted_replaces_the_older_one_that_waits(desk: Desk) -> None:
    install_poison()
    poison(str(ID))
    report(desk)
    desk.poll()
    [waiting] = desk.inbox()
    assert waiting.attempts == 1
    report(desk, status="deleting")
    cure_all()
    desk.poll(minutes=600)
    assert desk.inbox() == []
    assert desk.ticket(ID) is None, "it is not taken for open any more"


def test_what_changed_a_moment_ago_is_noted_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep sees a change that is younger than the walk's answer was long."""
    report(desk)
    desk.poll()
    list_open = sweep_incidents._list_open

    def change_meanwhile(cycle: Any) -> Any:
        cycle.clock_skew = timedelta(seconds=-2)  # the answer took so long
        report(desk, summary="More is known now.")
        return list_open(cycle)

    monkeypatch.setattr(sweep_incidents, "_list_open", change_meanwhile)
    desk.poll(sweep=True)
    monkeypatch.undo()
    desk.poll()
    desk.poll()
    assert len(desk.notes(ID)) == 2
