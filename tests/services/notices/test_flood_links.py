"""A flood is one notice, whose gravest tickets can be taken by its links all the same."""

from sqlalchemy import func, select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from webapp.domain.notices.compose import FLOOD_NAMED
from webapp.domain.notices.target_kinds import Kind
from webapp.models import TakeLink, Ticket
from webapp.services.notices.deliver import deliver_target
from webapp.services.tickets.take_ticket import take_ticket
from webapp.services.transactions import reading


def incidents(desk: Desk, *severities: str) -> None:
    """One of each severity, each of an organization of its own, in one poll."""
    for number, severity in enumerate(severities, 1):
        desk.account.add_incident(number, now=desk.clock.now(), id=number, severity=severity)
    desk.poll()


def ticket_number(incident_id: int) -> str:
    with reading() as session:
        query = select(Ticket.number).where(Ticket.source_reference == str(incident_id))
        return session.scalars(query).one()


def count_links() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(TakeLink)) or 0


@both_databases
def test_two_criticals_at_once_by_text_message_can_both_be_taken(
    polled: Desk, mailbox: Mailbox
) -> None:
    """A phone gets one text message a minute, so that they are a flood already."""
    ada, _ = add_person("Ada")
    phone, team = add_target("phone", Kind.SMS, user_id=ada), add_target("team", Kind.SMS)
    add_policy("all", [(0, [phone, team])])
    incidents(polled, "low", "critical", "low", "critical")
    deliver_all()
    numbers = {ticket_number(2), ticket_number(4)}
    message = mailbox.to("phone")[0]
    assert message.title == "Many at once: 2 messages about 2 tickets (2 critical)"
    assert {line.partition(" · Critical: ")[0] for line in message.lines[:2]} == numbers
    *takes, tickets = message.links
    assert {link.words for link in takes} == {f"Take {number}" for number in numbers}
    assert tickets.words == "Open the tickets"
    for link in takes:
        number = take_ticket(link.url.rpartition("/")[2])
        assert link.words == f"Take {number}"


@both_databases
def test_links_are_made_for_those_that_the_notice_names_alone(
    polled: Desk, mailbox: Mailbox
) -> None:
    ada, _ = add_person("Ada")
    phone, team = add_target("phone", Kind.SMS, user_id=ada), add_target("team", Kind.SMS)
    add_policy("all", [(0, [phone, team])])
    incidents(polled, *["critical"] * 30)
    deliver_target(team)
    [message] = mailbox.to("team")
    assert [link.words for link in message.links] == ["Open the tickets"]
    assert " · Critical: " in message.lines[FLOOD_NAMED - 1]
    assert count_links() == 0, "nobody would take a ticket by the team's phone"
    deliver_target(phone)
    [message] = mailbox.to("phone")
    assert len(message.links) == FLOOD_NAMED + 1
    assert count_links() == FLOOD_NAMED
