"""Operators of the search on both databases: the same tickets as the filters of the list."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from webapp import clock
from webapp.models import Alert, Client, Indicator, Priority, Ticket, TicketWatcher, User
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    desk = desk_data.fill_desk(fake_clock.now(), tickets=12)
    with transaction() as session:
        clients = [Client(name="Büro Übersöhn"), Client(name="Łódź-Werke")]
        session.add_all(clients)
        session.flush()
        session.execute(update(Ticket).values(title="wombat", closed_at=None))
        for ticket_id, client in ((1, clients[0]), (2, clients[1])):
            session.execute(
                update(Ticket).where(Ticket.id == ticket_id).values(client_id=client.id)
            )
    return desk


def listed(search: str, *, viewer_id: int | None = None) -> list[int]:
    query = TicketQuery(search=search, sort="newest", viewer_id=viewer_id)
    return sorted(row.id for row in list_tickets(query).tickets.rows)


def ids_where(*conditions: object) -> list[int]:
    with reading() as session:
        return sorted(session.scalars(select(Ticket.id).where(*conditions)))


def set_tickets(ids: list[int], **values: object) -> None:
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(**values))


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("client:buro", [1]),
        ("client:BÜR", [1]),
        ('client:"uebersohn"', []),
        ("client:ubersohn", [1]),
        ("client:lodz", [2]),
        ("client:odz", []),
        ("client:büro wombat", [1]),
        ("client:büro quokka", []),
        ("client:muller client:lodz", []),
        ("client:%", []),
        ("client:.*", []),
    ],
)
def test_clients_by_the_beginning_of_a_word(desk: Desk, search: str, expected: list[int]) -> None:
    assert listed(search) == expected


def test_what_is_a_filter_of_the_list_is_the_same_as_an_operator(desk: Desk) -> None:
    with reading() as session:
        person = session.get(User, desk.admin_id)
        urgent = session.scalars(select(Priority).order_by(Priority.position)).first()
    set_tickets([3, 4], assignee_id=person.id, untouched_since=None)
    set_tickets([5], is_unmapped=True, priority_id=urgent.id)
    mine = ids_where(Ticket.assignee_id == person.id)
    for search in (
        *("assignee:me", "is:mine", f"assignee:{person.email}"),
        f'assignee:"{person.name}"',
    ):
        assert listed(search, viewer_id=person.id) == mine, search
    assert listed("assignee:me") == []
    nobody = ids_where(Ticket.assignee_id.is_(None))
    assert listed("assignee:nobody") == listed("is:unassigned") == nobody
    assert listed("is:untouched") == ids_where(Ticket.untouched_since.is_not(None))
    assert 5 in listed("is:unmapped")
    assert set(listed("is:unmapped")) <= set(listed("is:triage"))
    name = urgent.name.lower()
    assert listed(f"priority:{name}") == ids_where(Ticket.priority_id == urgent.id)
    assert listed("source:huntress") == ids_where(Ticket.source == "huntress")
    assert listed("severity:critical is:open") == [
        row.id
        for row in sorted(
            list_tickets(TicketQuery(severity="critical")).tickets.rows, key=lambda row: row.id
        )
    ]


def test_times(desk: Desk, fake_clock: FakeClock) -> None:
    now = fake_clock.now()
    set_tickets([1], waiting_until=now + timedelta(hours=1))
    set_tickets([2], due_at=now - timedelta(minutes=1))
    set_tickets([3], due_at=now + timedelta(hours=1), raised_severity="critical")
    set_tickets([4], due_at=now - timedelta(hours=1), closed_at=now)
    assert listed("is:waiting") == [1]
    assert listed("is:overdue") == [2]
    assert listed("is:raised") == [3]
    assert 4 not in listed("is:open")
    assert listed("is:closed") == []
    closed = list_tickets(TicketQuery(search="is:closed", is_closed=True))
    assert 4 in [row.id for row in closed.tickets.rows]


def test_every_filter_has_an_operator_that_finds_the_same(
    desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    set_tickets(ids_where(), external_reference=None, untouched_since=None, reported_at=now)
    set_tickets([1], external_reference="CW-4711", raised_severity="critical")
    set_tickets([2], reported_at=now - timedelta(days=5), untouched_since=now - timedelta(days=4))
    set_tickets([3], close_reason="accepted_risk")
    with transaction() as session:
        session.add(TicketWatcher(ticket_id=4, user_id=desk.admin_id, created_at=now))
        others = Alert.ticket_id != 5
        session.execute(update(Alert).values(was_closed=False))
        session.execute(update(Alert).where(~others).values(was_closed=True))
    assert listed("reference:cw-47") == listed("reference:4711") == [1]
    assert listed("reference:711") == listed("reference:%") == []
    for search, query, expected in (
        ("is:no_reference", TicketQuery(lacks_reference=True), set(range(2, 13))),
        ("older_than:3d", TicketQuery(older_hours=72), {2}),
        ("within:72", TicketQuery(within_hours=72), set(range(1, 13)) - {2}),
        ("untouched_for:72h", TicketQuery(untouched_hours=72), {2}),
        ("closed_as:accepted_risk", TicketQuery(close_reason="accepted_risk"), {3}),
        ("is:watching", TicketQuery(watcher_id=desk.admin_id), {4}),
        ("is:closed_in_huntress", TicketQuery(is_closed_in_huntress=True), {5}),
        ("is:open_in_huntress", TicketQuery(is_open_in_huntress=True), set()),
        ("is:raised", TicketQuery(is_raised=True), {1}),
    ):
        found = set(listed(search, viewer_id=desk.admin_id))
        assert found == {row.id for row in list_tickets(query).tickets.rows} == expected, search


def test_hosts_and_indicators_are_looked_for_where_they_are(desk: Desk) -> None:
    set_tickets([1], subject_name="QXA-WBX01", subject_user="żółw")
    set_tickets([2], title="seen beside QXA-WBX01, 192.0.2.3 and żółw")
    with transaction() as session:
        values = (("ip", "192.0.2.3"), ("hash", "a" * 64), ("path", r"C:\Qxa\Public\x.exe"))
        session.add_all(
            Indicator(ticket_id=3, kind=kind, value=value, key=str(number))
            for number, (kind, value) in enumerate(values)
        )
        session.add(Indicator(ticket_id=4, kind="ip", value="192.0.2.33", key="3"))
    assert listed("QXA-WBX01") == [1, 2]
    assert listed("host:qxa-wbx01") == listed("host:QXA") == listed("user:zolw") == [1]
    assert listed("host:wbx") == [1]
    assert listed("ip:192.0.2.3") == [3]
    assert listed("192.0.2.3") == [2, 3]
    assert listed("ip:192.0.2.33") == [4]
    assert listed("hash:aaaaaaaa") == listed(f"indicator:{'A' * 64}") == [3]
    assert listed(r"path:C:\Qxa\Public") == listed(r'path:"C:\Qxa\Public\x.exe"') == [3]
    assert listed("hash:aaaaaaaa host:qxa") == []


@pytest.mark.parametrize(
    ("search", "expected"), [("host:", 12), ("is:nope", 12), ("foo:bar", 0), ("foo:wombat", 0)]
)
def test_what_is_unclear_is_said_and_hides_nothing_by_itself(
    desk: Desk, search: str, expected: int
) -> None:
    query = TicketQuery(search=search)
    assert query.parsed_search.unclear
    assert list_tickets(query).open_count == expected


def test_a_match_that_the_row_does_not_show_is_shown_in_context(desk: Desk) -> None:
    set_tickets([1], title="Quokka in the attic", subject_name="QXA-WBX01")
    [row] = (page := list_tickets(TicketQuery(search="quokka"))).tickets.rows
    assert row.kinds, "the row says the kind instead of the title"
    assert [one.text for one in page.snippets[1] if one.is_match] == ["Quokka"]
    assert not list_tickets(TicketQuery(search="host:qxa")).snippets
    set_tickets([1], text_edited_by_person_at=row.created_at)
    assert not list_tickets(TicketQuery(search="quokka")).snippets


def test_a_match_in_a_machines_text_is_shown_as_it_is_read(desk: Desk) -> None:
    """Backslashes that escape are not shown; those in blocks of code and in people's texts are."""
    text = "ran \\`whoami\\` on quokka\n\n```\n\\\\nas\\share of numbat\n```"
    set_tickets([1], description=text, text_edited_by_person_at=None, source="huntress")

    def shown(search: str) -> str:
        return "".join(one.text for one in list_tickets(TicketQuery(search=search)).snippets[1])

    assert "ran `whoami` on quokka" in shown("quokka")
    assert "\\\\nas\\share of numbat" in shown("numbat")
    set_tickets([1], text_edited_by_person_at=clock.utcnow())
    assert "ran \\`whoami\\` on quokka" in shown("quokka")


@pytest.mark.parametrize(
    ("search", "offered"),
    [
        ("ubersohm", ["Übersöhn"]),
        ("client:ubersohm is:untouched", ["client:Übersöhn is:untouched"]),
        ('"buro ubersohm"', ['"Büro Übersöhn"']),
        ("host:qxa-wbx10", ["host:QXA-WBX01"]),
        ("zzzzzzzzzz", []),
        ("ubersohn nothing", []),
    ],
)
def test_similar_names_are_offered_where_nothing_is_found(
    desk: Desk, search: str, offered: list[str]
) -> None:
    set_tickets([1], subject_name="QXA-WBX01")
    assert list(list_tickets(TicketQuery(search=search)).similar)[:1] == offered
    assert not list_tickets(TicketQuery(search="wombat")).similar
