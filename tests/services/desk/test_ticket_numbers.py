"""Ticket numbers: unique whatever happens at once, in order, right past 999,999."""

import threading

import pytest
from sqlalchemy import update

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import AppThread, add_bulk, break_reports
from tests.support.rows import all_rows
from webapp.models import Ticket, TicketCounter
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.transactions import transaction


def set_counter(**values: object) -> None:
    with transaction() as session:
        session.execute(update(TicketCounter).values(**values))


def take(count: int) -> list[str]:
    with transaction() as session:
        return take_ticket_numbers(session, count)


@both_databases
@pytest.mark.usefixtures("app")
def test_numbers_follow_each_other_with_six_digits_at_least() -> None:
    assert take(3) == ["TKT-000001", "TKT-000002", "TKT-000003"]
    assert take(0) == []
    assert take(1) == ["TKT-000004"]
    set_counter(last_number=999_998)
    assert take(3) == ["TKT-999999", "TKT-1000000", "TKT-1000001"]
    set_counter(prefix="SOC/", last_number=7)
    assert take(1) == ["SOC/000008"]


@both_databases
@pytest.mark.usefixtures("app")
def test_a_rolled_back_transaction_leaves_no_duplicate() -> None:
    def take_and_fail() -> None:
        with transaction() as session:
            assert take_ticket_numbers(session, 2) == ["TKT-000001", "TKT-000002"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_and_fail()
    assert take(2) == ["TKT-000001", "TKT-000002"]


@both_databases
def test_takers_at_once_get_numbers_of_their_own(app) -> None:
    start = threading.Barrier(4)

    def take_some() -> list[str]:
        start.wait(30)
        return [number for count in (1, 2, 3) * 4 for number in take(count)]

    threads = [AppThread(app, take_some) for _ in range(4)]
    numbers = [number for thread in threads for number in thread.outcome()]
    assert len(numbers) == len(set(numbers)) == 96
    assert max(numbers) == "TKT-000096"


@both_databases
def test_the_tickets_of_a_poll_are_numbered_past_a_million(desk: Desk, monkeypatch) -> None:
    set_counter(last_number=999_995, prefix="SEC-")
    add_bulk(desk.account, 8, desk.clock.now())
    break_reports(monkeypatch, 8)  # the oldest: its batch is rolled back
    desk.poll()
    numbers = [ticket.number for ticket in all_rows(Ticket)]
    assert len(numbers) == len(set(numbers)) == 7
    assert numbers[-1] in ("SEC-1000002", "SEC-1000003")
    assert [desk.ticket(one).number for one in (7, 6)] == numbers[:2], "oldest first"
