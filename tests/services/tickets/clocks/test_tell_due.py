"""Due soon and overdue are told once for each due time."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.desk_data import add_people
from tests.support.interruptions import kill_at_every_statement
from tests.support.poller import Desk
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.rows import add, all_rows, change, fresh
from tests.support.triage.clocks_data import set_targets
from webapp.domain.notices.events import DUE_SOON, OVERDUE
from webapp.models import BellItem, Escalation, OutboxRow, Ticket, TicketWatcher
from webapp.services.tickets.clocks import tell_due as module
from webapp.services.tickets.clocks.tell_due import DUE_LOOKS_BACK, tell_due
from webapp.services.tickets.comment_ticket import add_internal_note

ID = 1_780_001


@pytest.fixture
def admin_id(desk: Desk) -> int:
    desk.poll()
    return add_people()[0].id


@pytest.fixture
def ticket(desk: Desk, admin_id: int) -> Ticket:
    """A ticket that is due half an hour after it was sent, watched by the admin."""
    set_targets(actor_id=admin_id)
    add_policy("clock", [(0, [add_target("ops")])], events=(DUE_SOON, OVERDUE))
    desk.account.add_incident(None, now=desk.clock.now(), id=ID)
    assert desk.poll().is_success
    found = desk.ticket(ID)
    assert found is not None
    add(TicketWatcher(ticket_id=found.id, user_id=admin_id, created_at=desk.clock.now()))
    return found


def told() -> list[str]:
    events = [one.event for one in all_rows(Escalation)]
    assert [one.kind for one in all_rows(BellItem)] == events, "bell and policy tell the same"
    return events


@both_databases
def test_each_is_told_once_for_each_due_time(desk: Desk, admin_id: int, ticket: Ticket) -> None:
    assert tell_due(desk.clock.now()) == 0
    assert ticket.clock_tells_at is not None
    desk.clock.advance(seconds=(ticket.clock_tells_at - desk.clock.now()).total_seconds())
    assert tell_due(desk.clock.now()) == 1
    assert tell_due(desk.clock.now()) == 0
    assert told() == [DUE_SOON]
    desk.clock.advance(minutes=8)
    tell_due(desk.clock.now())
    tell_due(desk.clock.now())
    assert told() == [DUE_SOON, OVERDUE]
    titles = [row.event for row in all_rows(OutboxRow)]
    assert titles == ["ticket.due_soon", "ticket.overdue"]
    assert fresh(Ticket, ticket.id).clock_tells_at is None

    add_internal_note(ticket.id, "Looking.", author_id=admin_id)  # another time comes now
    assert all_rows(Escalation)[-1].end_reason == "taken"
    desk.clock.advance(hours=4)
    tell_due(desk.clock.now())
    assert told() == [DUE_SOON, OVERDUE, OVERDUE]


def test_what_was_missed_for_long_is_not_told(desk: Desk, ticket: Ticket) -> None:
    desk.clock.advance(minutes=30)
    desk.clock.advance(seconds=DUE_LOOKS_BACK.total_seconds())
    assert tell_due(desk.clock.now()) == 0
    assert told() == []
    assert fresh(Ticket, ticket.id).clock_tells_at is None


def test_drills_are_not_told(desk: Desk, ticket: Ticket) -> None:
    change(Ticket, ticket.id, is_drill=True)
    desk.clock.advance(minutes=40)
    assert tell_due(desk.clock.now()) == 0
    assert told() == []


@both_databases
def test_a_killed_tick_tells_neither_twice_nor_never(desk: Desk, ticket: Ticket) -> None:
    desk.clock.advance(minutes=40)
    died = kill_at_every_statement(lambda: tell_due(desk.clock.now()))
    assert died > 6
    assert told() == [OVERDUE]
    assert len(all_rows(OutboxRow)) == 1


def test_a_faulty_ticket_keeps_no_other_from_being_told(
    desk: Desk, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.account.add_incident(None, now=desk.clock.now() - timedelta(minutes=2), id=ID + 1)
    assert desk.poll().is_success
    desk.clock.advance(minutes=40)
    tell = module.tell

    def stumble(session: object, happenings: list[module.Happening]) -> None:
        if any(one.ticket_id == ticket.id for one in happenings):
            raise RuntimeError("poison")
        tell(session, happenings)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "tell", stumble)
    assert tell_due(desk.clock.now()) == 1
    monkeypatch.undo()
    assert tell_due(desk.clock.now()) == 1
    assert [one.event for one in all_rows(Escalation)] == [OVERDUE] * 2
