"""The ticket list on both databases: filters, orders, counts, what does not exist."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import fresh
from webapp.models import Alert, Board, Status, Ticket
from webapp.services.tickets import list_tickets as listing
from webapp.services.tickets.list_tickets import (
    NOBODY,
    SORTS,
    TicketQuery,
    list_tickets,
    neighbours_in_list,
)
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Twelve open tickets that differ in nothing that is filtered by."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=12)
    with transaction() as session:
        board = session.query(Board).filter_by(name="Service Desk").one().id
        status = session.query(Status).filter_by(name="Open").one().id
        session.execute(
            update(Ticket).values(
                board_id=board,
                status_id=status,
                priority_id=1,
                assignee_id=desk.admin_id,
                is_unmapped=False,
                first_touched_at=fake_clock.now(),
                untouched_since=None,
                closed_at=None,
                due_at=Ticket.reported_at,
            )
        )
        session.execute(update(Alert).values(parsed_severity="low", was_closed=False))
    return desk


def change(ticket_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == ticket_id).values(**values))


def shown(**values: object) -> list[int]:
    page = list_tickets(TicketQuery(**values))
    assert page.ignored == ()
    count = page.closed_count if values.get("is_closed") else page.open_count
    ids = [row.id for row in page.tickets.rows]
    assert count == len(ids)
    return sorted(ids)


def test_each_filter_narrows(desk: Desk, fake_clock: FakeClock) -> None:
    change(1, board_id=1)
    change(2, priority_id=3)
    change(3, status_id=2)
    change(4, assignee_id=None)
    change(5, assignee_id=desk.helpdesk_id)
    change(6, source="manual")
    change(7, is_unmapped=True)
    change(8, untouched_since=fake_clock.now())
    client = fresh(Ticket, 9).client_id
    assert shown(board_id=1) == [1]
    assert shown(priority_id=3) == [2]
    assert shown(status_id=2) == [3]
    assert shown(assignee=NOBODY) == [4]
    assert shown(assignee=desk.helpdesk_id) == [5]
    assert shown(source="manual") == [6]
    assert shown(is_unmapped=True) == shown(is_triage=True) == [7]
    assert shown(is_untouched=True) == [8]
    assert 9 in shown(client_id=client)
    assert shown(is_untouched=True, board_id=1) == []
    assert len(shown()) == 12


def test_ages(desk: Desk, fake_clock: FakeClock) -> None:
    now = fake_clock.now()
    with transaction() as session:
        session.execute(update(Ticket).values(reported_at=now - timedelta(hours=10)))
    change(1, reported_at=now - timedelta(hours=24))
    change(2, reported_at=now - timedelta(hours=23, minutes=59))
    day_ago = now - timedelta(hours=24)
    change(3, reported_at=day_ago, untouched_since=day_ago)
    change(4, untouched_since=now)
    assert shown(older_hours=24) == [1, 3]
    assert shown(untouched_hours=24) == [3]
    assert shown(within_hours=10) == [4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert shown(older_hours=20, within_hours=24) == [1, 2, 3]


def test_severity_is_huntresss_word(desk: Desk) -> None:
    words = {1: "Critical", 2: "HIGH", 3: None, 4: "new word"}
    with transaction() as session:
        for ticket_id, word in words.items():
            alert = session.scalars(select(Alert).where(Alert.ticket_id == ticket_id)).one()
            alert.severity = word
    assert shown(severity="critical") == [1]
    assert shown(severity="high") == [2]
    assert shown(severity="unknown") == [3, 4]
    assert len(shown(severity="low")) == 8


def test_closed_in_huntress_but_open_here(desk: Desk, fake_clock: FakeClock) -> None:
    with transaction() as session:
        session.execute(update(Alert).where(Alert.ticket_id.in_([2, 3])).values(was_closed=True))
    change(3, closed_at=fake_clock.now())
    assert shown(is_closed_in_huntress=True) == [2]
    assert shown(is_closed_in_huntress=True, is_closed=True) == []


def test_closed_here_but_open_in_huntress(desk: Desk, fake_clock: FakeClock) -> None:
    words = {2: "sent", 3: "closed", 4: "deleted", 5: None, 6: "sent"}
    with transaction() as session:
        session.execute(update(Alert).values(status="closed", parsed_status="closed"))
        for ticket_id, word in words.items():
            session.execute(
                update(Alert)
                .where(Alert.ticket_id == ticket_id)
                .values(status=word, parsed_status=word)
            )
    for ticket_id in (2, 3, 4, 5):
        change(ticket_id, closed_at=fake_clock.now())
    assert sorted(shown(is_open_in_huntress=True, is_closed=True)) == [2, 5]
    assert shown(is_open_in_huntress=True) == []


def test_what_does_not_exist_is_left_out_and_named(desk: Desk) -> None:
    page = list_tickets(
        TicketQuery(board_id=99, client_id=98, priority_id=97, status_id=96, assignee=95)
    )
    assert page.ignored == ("board", "client", "priority", "status", "assignee")
    assert len(page.tickets.rows) == 12
    assert not page.query.is_narrowed


def test_counts_stop_somewhere(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "COUNT_LIMIT", 5)
    monkeypatch.setattr(listing, "FILTERED_COUNT_LIMIT", 3)
    page = list_tickets(TicketQuery())
    assert (page.open_count, page.closed_count, page.count_limit) == (6, 0, 5)
    page = list_tickets(TicketQuery(priority_id=1))
    assert (page.open_count, page.count_limit) == (4, 3)


@pytest.mark.parametrize("sort", list(SORTS))
@pytest.mark.parametrize("search", ["", "tkt"])
def test_pages_forth_and_back_are_the_list(desk: Desk, sort: str, search: str) -> None:
    for ticket_id in range(1, 13):
        change(ticket_id, priority_id=1 + ticket_id % 4)
    whole = list_tickets(TicketQuery(sort=sort, search=search)).tickets.rows
    ids = [row.id for row in whole]
    assert len(ids) == 12
    forth, query = [], TicketQuery(sort=sort, search=search)
    pages = []
    while True:
        page = list_tickets(query, page_size=5).tickets
        pages.append([row.id for row in page.rows])
        forth += pages[-1]
        if page.next_mark is None:
            break
        query = TicketQuery(sort=sort, search=search, after=page.next_mark)
    assert forth == ids
    query = TicketQuery(sort=sort, search=search, before=page.previous_mark)
    page = list_tickets(query, page_size=5).tickets
    assert [row.id for row in page.rows] == pages[1]
    query = TicketQuery(sort=sort, search=search, before=page.previous_mark)
    assert [row.id for row in list_tickets(query, page_size=5).tickets.rows] == pages[0]


def test_the_next_ticket_in_the_list(desk: Desk) -> None:
    query = TicketQuery(sort="oldest")
    page = list_tickets(query)
    rows, priorities = page.tickets.rows, page.choices.priorities

    def beside(one: Ticket, asked: TicketQuery = query) -> list[int | None]:
        mark = SORTS[asked.sort_name].mark(one)
        found = neighbours_in_list(asked, mark, priorities, without=one.id)
        return [near and near.id for near in found]

    assert beside(rows[0]) == [None, rows[1].id]
    assert beside(rows[-1]) == [rows[-2].id, None]
    by_priority = list_tickets(TicketQuery()).tickets.rows
    assert beside(by_priority[3], TicketQuery()) == [by_priority[2].id, by_priority[4].id]


def test_a_row_costs_no_statement_and_no_description(desk: Desk) -> None:
    row = list_tickets(TicketQuery()).tickets.rows[0]
    with reading():
        assert row.client.name
        assert row.assignee.name == "Ada Okafor"
    assert "description" not in row.__dict__
