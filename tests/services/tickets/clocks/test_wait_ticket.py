"""A ticket that waits, and how it comes back."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.desk_data import add_people
from tests.support.interruptions import kill_at_every_statement
from tests.support.poller import Desk
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.rows import add, all_rows, audit_events, change, fresh
from tests.support.triage.clocks_data import set_targets
from webapp.domain.notices.events import UNTOUCHED
from webapp.models import BellItem, Comment, Escalation, Status, Ticket, TicketWatcher
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.notices.silence.untouched import tell_untouched
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.clocks.end_waits import INCIDENT_CHANGED, TIME_HAS_COME, end_waits
from webapp.services.tickets.clocks.wait_ticket import end_wait, wait_ticket
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.watch.advance_notices import advance_notices

ID = 1_780_001
HOUR = timedelta(hours=1)


@pytest.fixture
def people(desk: Desk) -> tuple[int, int]:
    desk.poll()
    admin, helpdesk = add_people()
    return admin.id, helpdesk.id


@pytest.fixture
def ticket(desk: Desk, people: tuple[int, int]) -> Ticket:
    """An untouched ticket of now."""
    desk.account.add_incident(None, now=desk.clock.now(), id=ID)
    assert desk.poll().is_success
    found = desk.ticket(ID)
    assert found is not None
    return found


def wait(desk: Desk, ticket: Ticket, by: int, reason: str = "") -> None:
    wait_ticket(ticket.id, desk.clock.now() + HOUR, reason, actor_id=by)


def listed(**filters: object) -> list[int]:
    return [row.id for row in list_tickets(TicketQuery(**filters)).tickets.rows]  # type: ignore[arg-type]


def bells() -> list[tuple[int, str]]:
    """Who was told that a ticket came back."""
    return [(one.user_id, one.kind) for one in all_rows(BellItem) if one.kind == "returned"]


def assign(ticket: Ticket, person: int, actor: int) -> None:
    chosen = TicketChange(sets_assignee=True, assignee_id=person)
    change_ticket(ticket.id, chosen, actor_id=actor, seen_at=None)


def test_a_ticket_waits_and_comes_back_by_itself(
    desk: Desk, people: tuple[int, int], ticket: Ticket
) -> None:
    admin, helpdesk = people
    set_targets(actor_id=admin)
    assign(ticket, helpdesk, admin)
    add(TicketWatcher(ticket_id=ticket.id, user_id=admin, created_at=desk.clock.now()))
    until = desk.clock.now() + HOUR
    wait(desk, ticket, helpdesk, "the new\nlaptop <b>")
    assert listed(is_untouched=True) == []
    assert listed(is_waiting=True) == [ticket.id]
    waiting = fresh(Ticket, ticket.id)
    assert (waiting.waiting_until, waiting.waiting_reason) == (until, "the new laptop <b>")
    assert (waiting.due_at, waiting.clock_tells_at) == (None, None)
    assert end_waits(desk.clock.now()) == 0

    desk.clock.advance(hours=3)  # nobody ran it for two hours
    assert end_waits(desk.clock.now()) == 1
    assert end_waits(desk.clock.now()) == 0
    back = fresh(Ticket, ticket.id)
    assert (back.waiting_until, back.waiting_reason) == (None, None)
    assert back.untouched_since == until
    assert listed(is_untouched=True) == [ticket.id]
    assert listed(is_waiting=True) == []
    assert back.due_at == until + timedelta(minutes=30)
    assert back.close_due_at == back.reported_at + timedelta(hours=5)
    assert bells() == [(admin, "returned"), (helpdesk, "returned")]
    bodies = [one.body for one in all_rows(Comment, Comment.ticket_id == ticket.id)]
    assert bodies[-2].startswith(f"Waits until {until:%Y-%m-%d %H:%M} UTC: the new laptop")
    assert bodies[-1] == TIME_HAS_COME
    waits, returned = audit_events()[-2:]
    assert (waits.action, waits.actor_id) == ("ticket.waits", helpdesk)
    assert (returned.action, returned.actor_id) == ("ticket.returned", None)


@both_databases
def test_a_ticket_comes_back_once_whatever_kills_the_tick(
    desk: Desk, people: tuple[int, int], ticket: Ticket
) -> None:
    wait(desk, ticket, people[1])
    desk.clock.advance(hours=1)
    died = kill_at_every_statement(lambda: end_waits(desk.clock.now()))
    assert died > 4
    bodies = [one.body for one in all_rows(Comment, Comment.ticket_id == ticket.id)]
    assert bodies.count(TIME_HAS_COME) == 1
    assert [one.action for one in audit_events()].count("ticket.returned") == 1


def test_it_comes_back_when_its_incident_changes(
    desk: Desk, people: tuple[int, int], ticket: Ticket
) -> None:
    assign(ticket, people[1], people[0])
    wait(desk, ticket, people[1])
    desk.account.update_incident(ID, now=desk.clock.now(), severity="critical")
    assert desk.poll().is_success
    back = fresh(Ticket, ticket.id)
    assert (back.waiting_until, back.untouched_since) == (None, desk.clock.now())
    assert INCIDENT_CHANGED in desk.notes(ID)[-1]
    assert bells() == [(people[1], "returned")]
    desk.account.update_incident(ID, now=desk.clock.now(), severity="low")
    assert desk.poll().is_success
    assert INCIDENT_CHANGED not in desk.notes(ID)[-1]


@both_databases
def test_who_has_it_is_told_again_where_nobody_looks_at_it(
    desk: Desk, people: tuple[int, int], ticket: Ticket
) -> None:
    patience = [(0, [add_target("ops")])]
    add_policy("patience", patience, events=(UNTOUCHED,), untouched_minutes=30)
    desk.clock.advance(minutes=31)
    tell_untouched(desk.clock.now())
    assign(ticket, people[1], people[0])
    for round_number in (1, 2):
        wait(desk, ticket, people[1])
        desk.clock.advance(hours=1, minutes=31)
        for _ in range(2):
            advance_notices()
        told = all_rows(Escalation, Escalation.event == UNTOUCHED)
        assert len(told) == 1 + round_number


def test_closing_ends_waiting(desk: Desk, people: tuple[int, int], ticket: Ticket) -> None:
    wait(desk, ticket, people[1])
    [closed] = all_rows(Status, Status.is_closed)
    chosen = TicketChange(status_id=closed.id)
    change_ticket(ticket.id, chosen, actor_id=people[1], seen_at=None)
    found = fresh(Ticket, ticket.id)
    assert (found.waiting_until, found.untouched_since) == (None, None)
    assert found.waits == [[desk.clock.now().isoformat()] * 2]
    desk.clock.advance(hours=2)
    assert end_waits(desk.clock.now()) == 0
    with pytest.raises(RefusedError, match="Reopen it first"):
        wait(desk, ticket, people[1])


def test_a_person_ends_waiting(desk: Desk, people: tuple[int, int], ticket: Ticket) -> None:
    wait(desk, ticket, people[1])
    desk.clock.advance(minutes=20)
    assert end_wait(ticket.id, actor_id=people[0])
    assert not end_wait(ticket.id, actor_id=people[0])
    found = fresh(Ticket, ticket.id)
    assert (found.waiting_until, found.untouched_since) == (None, None)
    assert [one.action for one in audit_events()][-2:] == ["ticket.waits"] * 2


def test_another_moment_goes_on_with_the_same_wait(
    desk: Desk, people: tuple[int, int], ticket: Ticket
) -> None:
    began = desk.clock.now()
    wait(desk, ticket, people[1], "parts")
    desk.clock.advance(minutes=20)
    wait(desk, ticket, people[1])
    found = fresh(Ticket, ticket.id)
    assert found.waits == [[began.isoformat(), None]]
    assert (found.waiting_until, found.waiting_reason) == (desk.clock.now() + HOUR, None)


def test_what_cannot_be_is_refused(desk: Desk, people: tuple[int, int], ticket: Ticket) -> None:
    for until, reason, field in (
        (desk.clock.now(), "", "until"),
        (desk.clock.now() + timedelta(days=367), "", "until"),
        (desk.clock.now() + HOUR, "x" * 201, "reason"),
    ):
        with pytest.raises(FieldError) as refused:
            wait_ticket(ticket.id, until, reason, actor_id=people[0])
        assert list(refused.value.fields) == [field]
    with pytest.raises(NotFoundError):
        wait_ticket(ticket.id + 1, desk.clock.now() + HOUR, "", actor_id=people[0])
    assert fresh(Ticket, ticket.id).waits is None
    change(Ticket, ticket.id, closed_at=desk.clock.now())
