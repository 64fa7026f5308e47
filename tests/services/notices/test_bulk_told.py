"""A bulk change is told like the changes that it is made of, with a few statements for all."""

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import counted_statements
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from tests.support.rows import all_rows
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Escalation, Status, Ticket
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets, undo_bulk_change
from webapp.services.tickets.change_ticket import TicketChange

COUNT = 40


def about_notices(statements: list[str]) -> int:
    """How many have to do with messages; SQLite gets each new escalation by itself."""
    return sum(
        ("escalations" in one or "notification_" in one)
        and not one.startswith("INSERT INTO escalations")
        for one in statements
    )


def status(*, is_closed: bool) -> int:
    return next(one.id for one in all_rows(Status) if one.is_closed is is_closed)


@both_databases
def test_many_tickets_are_taken_closed_and_opened_with_few_statements(
    polled: Desk, mailbox: Mailbox
) -> None:
    hook = add_target("hook", Kind.WEBHOOK)
    add_policy(
        "all",
        [(0, [hook]), (10, [add_target("boss")])],
        events=("created", "closed", "reopened"),
    )
    ada, _ = add_person("Ada")
    for number in range(COUNT):
        polled.account.add_incident(7, now=polled.clock.now(), id=number + 1)
    polled.poll()
    deliver_all()
    tickets = [one.id for one in all_rows(Ticket)]
    taking = TicketChange(sets_assignee=True, assignee_id=ada)
    with counted_statements() as statements:
        taken = bulk_change_tickets(tickets, taking, actor_id=ada)
    assert taken is not None
    assert about_notices(statements) < 25
    assert {one.end_reason for one in all_rows(Escalation)} == {"taken"}
    undo_bulk_change(taken.id, actor_id=ada)
    assert {one.ended_at for one in all_rows(Escalation)} == {None}
    closing = TicketChange(status_id=status(is_closed=True))
    with counted_statements() as statements:
        bulk_change_tickets(tickets, closing, actor_id=ada)
    assert about_notices(statements) < 25
    with counted_statements() as statements:
        bulk_change_tickets(tickets, TicketChange(status_id=status(is_closed=False)), actor_id=ada)
    assert about_notices(statements) < 25
    for _ in range(5):
        deliver_all()
    events = [message.event for message in mailbox.to("hook")]
    assert {event: events.count(event) for event in events} == {
        "ticket.created": COUNT,
        "ticket.taken": COUNT,
        "ticket.closed": COUNT,
        "ticket.reopened": COUNT,
    }
    assert {message.data["person"] for message in mailbox.to("hook")[COUNT:]} >= {"Ada"}
    assert mailbox.to("boss") == []
