"""Search on both databases: what is found, and that the index follows every way of writing."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, insert, text, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from webapp.models import Alert, Client, Comment, Ticket
from webapp.services.tickets import list_tickets as listing
from webapp.services.tickets import search_tickets as search
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.export_tickets_csv import export_ticket_list
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=8)


def found(typed: str) -> list[int]:
    with reading() as session:
        return sorted(find_matches(session, typed).ids)


def set_ticket(ticket_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == ticket_id).values(**values))


def test_every_field_is_searched(desk: Desk) -> None:
    with transaction() as session:
        client = Client(name="Quokka & Söhne")
        session.add(client)
        session.flush()
        client_id = client.id
    set_ticket(1, title="A wombat in the attic")
    set_ticket(2, description="Talked to 203.0.113.77 from C:\\Users\\numbat\\x.exe")
    set_ticket(3, client_id=client_id)
    add_internal_note(4, "The user saw a bandicoot.", author_id=desk.admin_id)
    assert found("wombat") == [1]
    assert found("203.0.113.77") == [2]
    assert found("numbat") == found("c:\\users\\NUMBAT") == [2]
    assert found("quokka söhne") == found("QUOKKA") == [3]
    assert found("bandicoot") == [4]


def test_words_are_anded_across_fields_and_the_last_may_go_on(desk: Desk) -> None:
    set_ticket(1, title="wombat alpha")
    set_ticket(2, title="wombat beta")
    add_internal_note(1, "sleeping quietly", author_id=desk.admin_id)
    assert found("wombat") == [1, 2]
    assert found("wombat sleeping") == [1]
    assert found("sleeping womb") == [1]
    assert found("womb sleeping") == []
    assert found('"sleeping quietly"') == [1]
    assert found('"quietly sleeping"') == found('"sleeping quiet"') == []


def test_numbers_are_found_whole_and_bare(desk: Desk) -> None:
    for typed in ("TKT-000007", "tkt-000007", "tkt 7", "000007", "#000007"):
        assert 7 in found(typed), typed
    assert found("TKT-000007") == found("TKT-7") == [7]
    assert 7 in found("7")
    assert found("TKT-000099") == []


@pytest.mark.parametrize(
    "typed",
    [
        *('"', "'", "*", "a AND", "NEAR(", "x OR", "(", "a:b", "-", "^a", "{a}", "& | !", "<->"),
        *(
            "a\\",
            ":*",
            "a' | 'b",
            "%",
            "\u202e",
            "NOT",
            "ticket:x",
            "; DROP TABLE tickets",
            "é" * 99,
        ),
    ],
)
def test_whatever_is_typed_is_no_error(desk: Desk, typed: str) -> None:
    assert isinstance(found(typed), list)
    assert list_tickets(TicketQuery(search=typed)).open_count >= 0


def test_the_index_follows_edits_and_deletions(desk: Desk) -> None:
    set_ticket(1, title="first wombat", description="numbat")
    set_ticket(1, title="second quoll")
    assert (found("wombat"), found("quoll"), found("numbat")) == ([], [1], [1])
    note = add_internal_note(1, "bandicoot", author_id=desk.admin_id)
    other = add_internal_note(1, "potoroo", author_id=desk.admin_id)
    with transaction() as session:
        session.execute(update(Comment).where(Comment.id == note.id).values(body="bilby"))
    assert (found("bandicoot"), found("bilby"), found("potoroo")) == ([], [1], [1])
    with transaction() as session:
        session.execute(delete(Comment).where(Comment.id == other.id))
    assert (found("bilby"), found("potoroo")) == ([1], [])
    with transaction() as session:
        session.execute(update(Comment).where(Comment.id == note.id).values(ticket_id=2))
    assert found("bilby") == [2]
    with transaction() as session:
        for model in (Comment, Alert):
            session.execute(delete(model).where(model.ticket_id == 1))
        session.execute(delete(Ticket).where(Ticket.id == 1))
    assert found("quoll") == []


def test_a_renamed_client_is_found_by_its_new_name(desk: Desk) -> None:
    with reading() as session:
        client_id = session.get(Ticket, 1).client_id
        expected = sorted(session.query(Ticket.id).filter_by(client_id=client_id))
    with transaction() as session:
        session.get(Client, client_id).name = "Thylacine Holdings"
    assert found("thylacine") == [row.id for row in expected]


def test_what_is_written_in_bulk_is_found(desk: Desk) -> None:
    """The poller writes many rows with one statement."""
    with transaction() as session:
        session.execute(
            insert(Comment),
            [
                {"ticket_id": 1 + n % 3, "body": f"numbat{n} wombat", "created_at": NOW}
                for n in range(6)
            ],
        )
        columns = [column for column in Ticket.__table__.columns if column.name != "id"]
        row = session.execute(text("SELECT * FROM tickets WHERE id = 1")).mappings().one()
        copies = [{**row, "number": f"X-{n}", "source_reference": None} for n in range(3)]
        statement = insert(Ticket.__table__)
        for copy in copies:
            copy.pop("id")
            copy["title"] = "potoroo"
            for column in columns:
                if column.name.endswith(("_at", "_since", "_until")):
                    copy[column.name] = NOW
        ids = session.scalars(statement.returning(Ticket.__table__.c.id), copies).all()
    assert found("wombat") == [1, 2, 3]
    assert found("numbat4") == [2]
    assert found("potoroo") == sorted(ids)


def test_long_texts_are_taken(desk: Desk) -> None:
    """PostgreSQL refuses an index entry of more than 1 MB; nobody's ticket may fail on that."""
    many = " ".join(f"w{n:05x}" for n in range(14_000))
    set_ticket(1, description=many)
    wide = "".join(chr(0x20000 + n) + " " for n in range(9_000))
    for _ in range(12):
        with transaction() as session:
            session.add(Comment(ticket_id=1, body=wide, created_at=NOW))
    add_internal_note(1, "the last of many", author_id=desk.admin_id)
    assert found("w00001") == [1]


def listed(**values: object) -> list[int]:
    page = list_tickets(TicketQuery(search="wombat", sort="newest", **values))
    return [row.id for row in page.tickets.rows]


@pytest.mark.parametrize("very_few", [0, 100])
def test_only_the_oldest_of_too_many_matches_are_hidden_and_can_be_had(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, very_few: int
) -> None:
    monkeypatch.setattr(search, "VERY_FEW", very_few)
    with transaction() as session:
        session.execute(update(Ticket).values(title="wombat", closed_at=None))
        session.execute(update(Ticket).where(Ticket.id == 3).values(closed_at=NOW))
    assert list_tickets(TicketQuery(search="wombat")).older_below is None
    monkeypatch.setattr(listing, "MATCH_LIMIT", 3)
    monkeypatch.setattr(search, "MATCH_LIMIT", 3)
    page = list_tickets(TicketQuery(search="wombat"))
    assert (page.older_below, page.count_limit) == (6, 3)
    assert (page.open_count, page.closed_count) == (4, 1), "more than three"
    assert listed() == [8, 7, 6]
    assert listed(below_id=6) == [5, 4, 2]
    assert listed(below_id=2) == [1]
    assert list_tickets(TicketQuery(search="wombat", below_id=2)).older_below is None
    assert len("".join(export_ticket_list(TicketQuery(search="wombat"))).splitlines()) == 1 + 7


@pytest.mark.parametrize(("few", "very_few"), [(2, 0), (100, 0), (100, 100)])
def test_newer_matches_of_others_hide_no_ticket_that_fits_the_filters(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, few: int, very_few: int
) -> None:
    """Seven open matches of a client lie behind more than the cap of others' and of closed ones."""
    desk_data.fill_desk(fake_clock.now(), tickets=30)
    with transaction() as session:
        client = Client(name="Quokka")
        session.add(client)
        session.flush()
        client_id = client.id
        session.execute(update(Ticket).values(title="wombat", closed_at=None))
        session.execute(update(Ticket).where(Ticket.id <= 18).values(client_id=client_id))
        session.execute(update(Ticket).where(Ticket.id.between(8, 18)).values(closed_at=NOW))
    monkeypatch.setattr(listing, "MATCH_LIMIT", 8)
    monkeypatch.setattr(search, "MATCH_LIMIT", 8)
    monkeypatch.setattr(search, "FEW_THAT_FIT", few)
    monkeypatch.setattr(search, "VERY_FEW", very_few)
    page = list_tickets(TicketQuery(search="wombat", client_id=client_id, sort="newest"))
    assert [row.id for row in page.tickets.rows] == [7, 6, 5, 4, 3, 2, 1]
    assert (page.open_count, page.closed_count, page.older_below) == (7, 9, None)


def test_the_newest_of_many_are_found(desk: Desk) -> None:
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id != 5).values(title="wombat bay"))
    with reading() as session:
        for typed in ("wombat", '"wombat bay"', "subject:wom"):
            expected = [] if typed.startswith("subject") else [8, 7, 6, 4, 3, 2, 1]
            assert find_matches(session, typed).ids == expected
            for limit in (1, 3, 5):
                few = find_matches(session, typed, limit=limit)
                assert few.ids == expected[:limit]
                assert few.is_cut is bool(expected)


@pytest.mark.parametrize("typed", ["wombat", '"wombat bay"'])
@pytest.mark.parametrize("very_few", [0, 100])
def test_search_and_filters_narrow_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, very_few: int, typed: str
) -> None:
    monkeypatch.setattr(search, "VERY_FEW", very_few)
    with transaction() as session:
        session.execute(update(Ticket).values(title="wombat bay", priority_id=1))
        session.execute(update(Ticket).where(Ticket.id > 4).values(priority_id=2))
        other = update(Ticket).where(Ticket.id == 4)
        session.execute(other.values(title="bay wombats", priority_id=2))
    page = list_tickets(TicketQuery(search=typed, priority_id=2))
    closed = list_tickets(TicketQuery(search=typed, priority_id=2, is_closed=True))
    shown = [row.id for row in (*page.tickets.rows, *closed.tickets.rows)]
    assert sorted(shown) == [4, 5, 6, 7, 8][typed != "wombat" :]
    assert page.open_count + page.closed_count == len(shown)


NOW = FakeClock().now() - timedelta(hours=1)
