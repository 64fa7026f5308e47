"""Closing a ticket with the reason "duplicate" links it to the ticket whose number was typed."""

import threading

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.polling import AppThread
from tests.support.rows import all_rows, change, fresh
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import Alert, Comment, Status, Ticket, TicketLink
from webapp.services.errors import NotFoundError
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.closing.ask_reason import CloseAnswer, ReasonNeededError
from webapp.services.tickets.links.close_duplicate import ORIGINAL, change_answered
from webapp.services.tickets.links.link_tickets import link_tickets

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Six open tickets; Huntress has something to be done for the first three."""
    desk = desk_data.fill_open_desk(fake_clock.now(), tickets=6)
    for alert in all_rows(Alert):
        is_left = alert.ticket_id in (1, 2, 3)
        change(Alert, alert.id, status="sent" if is_left else "closed", steps_left=0)
    fake_clock.advance(minutes=30)
    return desk


def status_id(*, closed: bool) -> int:
    return all_rows(Status, Status.is_closed.is_(closed))[0].id


def close(desk: Desk, key: int, number: object, reason: str = "duplicate") -> tuple[str, ...]:
    wanted = TicketChange(status_id=status_id(closed=True), close=CloseAnswer(reason))
    return change_answered(key, wanted, str(number), actor_id=desk.helpdesk_id, seen_at=None)


def reopen(desk: Desk, key: int) -> None:
    wanted = TicketChange(status_id=status_id(closed=False))
    change_ticket(key, wanted, actor_id=desk.helpdesk_id, seen_at=None)


def links() -> set[tuple[int, int]]:
    return {(one.from_id, one.to_id) for one in all_rows(TicketLink)}


def entries(key: int) -> list[str]:
    return [one.body for one in all_rows(Comment, Comment.ticket_id == key)]


def problem_of(desk: Desk, key: int, number: object) -> str:
    before = links(), len(all_rows(Comment))
    with pytest.raises(ReasonNeededError) as asked:
        close(desk, key, number)
    assert (links(), len(all_rows(Comment))) == before, "nothing is stored"
    assert fresh(Ticket, key).closed_at is None
    assert [one.ticket_id for one in asked.value.unfinished] == [key]
    assert set(asked.value.fields) == {ORIGINAL}
    return asked.value.fields[ORIGINAL]


def test_it_is_closed_and_linked_at_once(desk: Desk) -> None:
    link_tickets(3, LinkChoice.DUPLICATE, "2", actor_id=desk.helpdesk_id)
    told = close(desk, 2, " #1 ")
    assert told[-1] == "This ticket is now a duplicate of TKT-000001."
    ticket = fresh(Ticket, 2)
    assert (ticket.closed_at is not None, ticket.close_reason) == (True, "duplicate")
    assert links() == {(2, 1), (3, 1)}, "its own duplicate is handed on"
    assert "Reason: duplicate; the incident is open at Huntress." in entries(2)[-2]
    assert entries(2)[-1] == told[-1]
    assert entries(1)[-1] == "This ticket is now the original of TKT-000002."
    assert fresh(Ticket, 1).closed_at is None


def test_a_number_that_cannot_be_is_refused_with_a_sentence(desk: Desk) -> None:
    link_tickets(3, LinkChoice.DUPLICATE, "2", actor_id=desk.helpdesk_id)
    assert problem_of(desk, 2, " ") == "Enter the number of a ticket, such as TKT-000012."
    assert "no ticket TKT-000999" in problem_of(desk, 2, 999)
    assert "to itself" in problem_of(desk, 2, 2)
    assert "TKT-000002 is the original of TKT-000003 already" in problem_of(desk, 2, 3)
    assert "itself a duplicate of TKT-000002" in problem_of(desk, 1, 3)
    with pytest.raises(NotFoundError):
        close(desk, 4711, 999)


def test_it_is_refused_where_huntress_has_nothing_left_any_more(desk: Desk) -> None:
    with pytest.raises(ReasonNeededError, match="Nothing was closed yet"):
        close(desk, 4, 999)
    close(desk, 4, 5)
    assert (fresh(Ticket, 4).close_reason, links()) == ("duplicate", {(4, 5)})


def test_what_is_linked_already_needs_no_number(desk: Desk) -> None:
    close(desk, 2, 1)
    for number in ("", "1"):
        reopen(desk, 2)
        close(desk, 2, number)
        assert (fresh(Ticket, 2).close_reason, links()) == ("duplicate", {(2, 1)})
    reopen(desk, 2)
    assert "is a duplicate of TKT-000001 already" in problem_of(desk, 2, 4)
    assert "no ticket TKT-000999" in problem_of(desk, 2, 999)


def test_other_reasons_link_nothing_and_nor_does_what_closes_nothing(desk: Desk) -> None:
    close(desk, 2, 1, "accepted_risk")
    close(desk, 2, 1)
    stays = TicketChange(status_id=status_id(closed=False), close=CloseAnswer("duplicate"))
    change_answered(1, stays, "2", actor_id=desk.helpdesk_id, seen_at=None)
    assert fresh(Ticket, 2).close_reason == "accepted_risk"
    assert links() == set()


def test_two_who_close_each_as_a_duplicate_of_the_other(app: Flask, desk: Desk) -> None:
    """Crosswise and at once: neither waits for the other forever, and one stays open."""
    start = threading.Barrier(2)
    problems: list[str] = []

    def send(key: int, number: int) -> None:
        start.wait(30)
        try:
            close(desk, key, number)
        except ReasonNeededError as error:
            problems.append(error.fields[ORIGINAL])

    threads = [AppThread(app, lambda pair=pair: send(*pair)) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.join(60)
    assert len(links()) == 1
    assert len(problems) == 1
    assert "is the original of" in problems[0]
    assert sum(fresh(Ticket, key).closed_at is None for key in (1, 2)) == 1
