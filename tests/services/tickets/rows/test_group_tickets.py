"""Rows of the list with their incident, counted and grouped by what they are about."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from webapp.extensions import db
from webapp.models import Alert, Client, Ticket
from webapp.services.tickets import list_tickets as list_module
from webapp.services.tickets.list_tickets import TicketPage, TicketQuery, list_tickets
from webapp.services.tickets.rows import group_tickets as module
from webapp.services.tickets.rows import ticket_rows
from webapp.services.transactions import transaction

pytestmark = both_databases

NEWEST = TicketQuery(sort="newest")


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Twelve open tickets of one client, each of a host of its own; the newest has the id 12."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=12)
    with transaction() as session:
        session.execute(
            update(Ticket).values(
                client_id=1,
                status_id=1,
                is_unmapped=False,
                untouched_since=None,
                closed_at=None,
            )
        )
        for number in range(1, 13):
            time = fake_clock.now() + timedelta(minutes=number)
            _be(session, number, f"HOST-{number}", reported_at=time)
    return desk


def _be(session, ticket_id: int, name: str, **values: object) -> None:
    session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id)
        .values(subject_name=name, subject_key=f"host:{name.lower()}", **values)
    )


def be(name: str, *ticket_ids: int, **values: object) -> None:
    with transaction() as session:
        for ticket_id in ticket_ids:
            _be(session, ticket_id, name, **values)


def groups(page: TicketPage) -> list[list[int]]:
    return [[ticket.id for ticket in group.tickets] for group in page.groups]


def singles(ids: Sequence[int]) -> list[list[int]]:
    return [[one] for one in ids]


def test_a_row_has_all_of_its_incident(desk: Desk) -> None:
    be("SRV", 3, 5, 7)
    be("SRV", 9, client_id=_other_client())
    be("SRV", 11, closed_at=desk_data.clock.utcnow())
    rows = {row.id: row for row in list_tickets(NEWEST).tickets.rows}
    with transaction() as session:
        alert = session.query(Alert).filter_by(ticket_id=3).one()
        row = rows[3]
        assert (row.kinds, row.steps_total, row.steps_left, row.is_isolated) == (
            alert.kinds,
            alert.steps_total,
            alert.steps_left,
            alert.is_isolated,
        )
        assert (row.incident_status, row.incident_severity) == (
            alert.parsed_status,
            alert.parsed_severity,
        )
    assert row.organization_name
    counts = {number: rows[number].open_of_subject for number in (1, 3, 5, 7, 9)}
    assert counts == {1: 1, 3: 3, 5: 3, 7: 3, 9: 1}


def _other_client() -> int:
    with transaction() as session:
        client = Client(name="Another")
        session.add(client)
        session.flush()
        return client.id


def forget_statements() -> None:
    """They are built once."""
    ticket_rows._ticket_rows.cache_clear()
    ticket_rows._rows_by_ids.cache_clear()


def test_counting_a_subject_ends_early(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    be("SRV", *range(1, 9))
    monkeypatch.setattr(ticket_rows, "MOST_COUNTED", 4)
    forget_statements()
    try:
        rows = {row.id: row for row in list_tickets(NEWEST).tickets.rows}
    finally:
        forget_statements()
    assert (rows[1].open_of_subject, rows[12].open_of_subject) == (5, 1)


def test_tickets_of_a_subject_stand_where_its_first_one_stands(desk: Desk) -> None:
    be("SRV", 2, 6, 10)
    be("srv", 8)
    page = list_tickets(NEWEST, is_grouped=True)
    assert groups(page) == [[12], [11], [10, 8, 6], [9], [7], [5], [4], [3], [1]]
    group = page.groups[2]
    assert (group.subject, group.count) == ("SRV", 4)
    assert page.groups[0].subject is None
    assert groups(list_tickets(NEWEST)) == singles(range(12, 0, -1))


def test_filters_and_clients_bound_a_group(desk: Desk) -> None:
    be("SRV", 2, 6, 10)
    be("SRV", 8, client_id=_other_client())
    be("SRV", 4, is_unmapped=True)
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == 10).values(assignee_id=None))
        session.execute(update(Ticket).where(Ticket.id != 10).values(assignee_id=desk.admin_id))
    query = TicketQuery(sort="oldest", assignee=desk.admin_id)
    shown = groups(list_tickets(query, is_grouped=True))
    assert shown == [[1], [2, 6], [3], [4], [5], [7], [8], [9], [11], [12]]


def test_a_group_is_shown_once_on_all_pages(desk: Desk) -> None:
    be("SRV", 3, 7, 11)
    be("WEB", 2, 4)
    seen, query, pages = [], NEWEST, 0
    while True:
        page = list_tickets(query, is_grouped=True, page_size=4)
        seen += groups(page)
        pages += 1
        if page.tickets.next_mark is None:
            break
        query = TicketQuery(sort="newest", after=page.tickets.next_mark)
    assert pages == 3
    assert seen == [[12], [11, 7, 3], [10], [9], [8], [6], [5], [4, 2], [1]]
    back = TicketQuery(sort="newest", before=page.tickets.previous_mark)
    assert groups(list_tickets(back, is_grouped=True, page_size=4)) == [[8], [6], [5]]


def test_a_page_has_fewer_groups_than_tickets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_module, "GROUPS_A_PAGE", 3)
    monkeypatch.setattr(list_module, "PAGE_SIZE", 5)
    be("SRV", 12, 2)
    grouped = list_tickets(NEWEST, is_grouped=True)
    assert groups(grouped) == [[12, 2], [11], [10]]
    assert grouped.tickets.next_mark is not None
    assert groups(list_tickets(NEWEST)) == singles([12, 11, 10, 9, 8])
    with transaction() as session:
        session.execute(update(Ticket).values(closed_at=Ticket.created_at, status_id=4))
    closed = TicketQuery(is_closed=True, sort="newest")
    assert groups(list_tickets(closed, is_grouped=True)) == singles([12, 11, 10, 9, 8])


def test_large_groups_are_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    be("SRV", *range(3, 13))
    first = list_tickets(NEWEST, is_grouped=True).groups[0]
    assert (len(first.tickets), first.count) == (module.SHOWN_OF_GROUP, 10)
    monkeypatch.setattr(module, "MOST_OF_SUBJECTS", 4)
    monkeypatch.setattr(module, "SHOWN_OF_GROUP", 4)
    shown = groups(list_tickets(NEWEST, is_grouped=True))
    assert shown == [[12, 11, 10, 9], *singles([8, 7, 6, 5, 4, 3, 2, 1])], "none is lost"


def test_searches_are_grouped_and_closed_tickets_are_not(desk: Desk) -> None:
    be("SRV", 2, 6, 10)
    found = TicketQuery(sort="newest", search="tkt")
    assert groups(list_tickets(found, is_grouped=True))[2] == [10, 6, 2]
    with transaction() as session:
        session.execute(update(Ticket).values(closed_at=Ticket.created_at, status_id=4))
    closed = TicketQuery(is_closed=True, sort="newest")
    assert groups(list_tickets(closed, is_grouped=True)) == singles(range(12, 0, -1))


def test_grouping_takes_two_statements_more_at_most(desk: Desk) -> None:
    be("SRV", 2, 12)
    assert _statements(is_grouped=True) - _statements(is_grouped=False) == 2


def _statements(*, is_grouped: bool) -> int:
    sent: list[str] = []
    listener = ("before_cursor_execute", lambda *given: sent.append(given[2]))
    event.listen(db.engine, *listener)
    list_tickets(NEWEST, is_grouped=is_grouped, page_size=3)
    event.remove(db.engine, *listener)
    return len([one for one in sent if one.startswith("SELECT")])


def test_new_filters(desk: Desk) -> None:
    be("SRV", 2)
    with transaction() as session:
        session.execute(update(Ticket).values(external_reference="PSA-1"))
        session.execute(update(Ticket).where(Ticket.id == 4).values(external_reference=None))
        session.execute(update(Ticket).where(Ticket.id == 6).values(raised_severity="high"))
    for query, ids in (
        (TicketQuery(subject="sRv"), [2]),
        (TicketQuery(subject="SR"), []),
        (TicketQuery(lacks_reference=True), [4]),
        (TicketQuery(is_raised=True), [6]),
    ):
        page = list_tickets(query)
        assert [row.id for row in page.tickets.rows] == ids
        assert page.open_count == len(ids)
