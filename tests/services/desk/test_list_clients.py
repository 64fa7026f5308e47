"""Lists of clients and assets, and one client with everything that belongs to it."""

import pytest
from flask import Flask
from sqlalchemy import event

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change
from webapp.extensions import db
from webapp.models import Client, Ticket, TicketAsset
from webapp.services.desk.delete_guard import deactivate_row
from webapp.services.desk.edit_assets import AssetValues, add_asset
from webapp.services.desk.edit_clients import ClientValues, edit_client
from webapp.services.desk.list_assets import AssetQuery, list_assets, read_asset
from webapp.services.desk.list_clients import ClientQuery, list_client_choices, list_clients
from webapp.services.desk.read_client import read_client
from webapp.services.errors import NotFoundError
from webapp.services.numbered_pages import NumberedPage, clamp_page


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> desk_data.Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=12)


def names(query: ClientQuery, page_size: int = 50) -> list[str]:
    return [row.name for row in list_clients(query, page_size=page_size).page.rows]


@both_databases
def test_clients_are_listed_by_name_whatever_its_case(app: Flask) -> None:
    for name in ("zeta", "Alpha", "beta", "100%_real"):
        add(Client(name=name, external_reference=f"C-{name}"))
    add(Client(name="Gone", is_active=False))
    found = list_clients(ClientQuery())
    assert [row.name for row in found.page.rows] == [
        "100%_real",
        "Alpha",
        "beta",
        "Internal (unmapped security)",
        "zeta",
    ]
    assert (found.active_count, found.inactive_count) == (5, 1)
    assert names(ClientQuery(is_active=False)) == ["Gone"]
    assert names(ClientQuery(search="ETA")) == ["beta", "zeta"]
    assert names(ClientQuery(search="c-alpha")) == ["Alpha"]
    assert names(ClientQuery(search="%_")) == ["100%_real"]
    assert names(ClientQuery(page=2), page_size=2) == ["beta", "Internal (unmapped security)"]


def test_what_belongs_to_a_client_is_counted(desk: desk_data.Desk) -> None:
    client_id = all_rows(Ticket, Ticket.is_unmapped.is_(False))[0].client_id
    add_asset(AssetValues(client_id, "WS-01"))
    rows = {row.id: row for row in list_clients(ClientQuery()).page.rows}
    expected = len(all_rows(Ticket, Ticket.client_id == client_id, Ticket.closed_at.is_(None)))
    row = rows[client_id]
    assert (row.open_tickets, row.organizations, row.assets) == (expected, 1, 1)
    assert [row.id for row in rows.values() if row.is_fallback] == [1]
    view = read_client(client_id)
    assert view.open_tickets == expected
    assert view.open_tickets + view.closed_tickets == len(
        all_rows(Ticket, Ticket.client_id == client_id)
    )
    assert [one.connection_name for one in view.organizations] == ["Tallow & Reed Managed IT"]
    assert [one.name for one in view.assets] == ["WS-01"]
    assert view.routing == []
    assert [str(holder) for holder in read_client(1).routing] == [
        "the routing of Tallow & Reed Managed IT"
    ]


def test_a_page_of_clients_takes_few_statements(desk: desk_data.Desk) -> None:
    statements: list[str] = []

    def count(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    list_clients(ClientQuery())
    assert len([one for one in statements if one.startswith("SELECT")]) <= 6


def test_who_changed_a_client(desk: desk_data.Desk) -> None:
    assert read_client(2).changed_by is None
    edit_client(2, ClientValues("Other"), actor_id=desk.helpdesk_id)
    assert read_client(2).changed_by == "Bo Lindqvist"
    with pytest.raises(NotFoundError):
        read_client(9999)


def test_choices_are_active_clients_and_the_one_that_is_kept(app: Flask) -> None:
    gone = add(Client(name="Gone", is_active=False)).id
    assert [name for _, name in list_client_choices()] == ["Internal (unmapped security)"]
    assert (gone, "Gone") in list_client_choices(kept_id=gone)


@both_databases
def test_assets_are_found(app: Flask) -> None:
    globex, initech = (add(Client(name=name)).id for name in ("Globex", "Initech"))
    first = add_asset(AssetValues(globex, "WS-2", "SN-77", None, "T-5"))
    second = add_asset(AssetValues(initech, "ws-1"))
    add_asset(AssetValues(initech, "DC-1"))
    found = list_assets(AssetQuery())
    assert [asset.name for asset in found.page.rows] == ["DC-1", "ws-1", "WS-2"]
    assert found.page.rows[0].client.name == "Initech"
    assert found.clients == [(globex, "Globex"), (initech, "Initech")]
    for query, expected in (
        (AssetQuery(search="sn-7"), ["WS-2"]),
        (AssetQuery(search="t-5"), ["WS-2"]),
        (AssetQuery(search="WS", client_id=initech), ["ws-1"]),
        (AssetQuery(search="%"), []),
    ):
        assert [asset.name for asset in list_assets(query).page.rows] == expected
    deactivate_row(type(second), second.id)
    found = list_assets(AssetQuery(is_active=False))
    assert [asset.name for asset in found.page.rows] == ["ws-1"]
    assert (found.active_count, found.inactive_count) == (2, 1)
    assert read_asset(first.id).tickets == []


def test_tickets_about_an_asset(desk: desk_data.Desk) -> None:
    ticket = all_rows(Ticket)[0]
    asset = add_asset(AssetValues(ticket.client_id, "WS-1"))
    add(TicketAsset(ticket_id=ticket.id, asset_id=asset.id))
    view = read_asset(asset.id)
    assert [one.id for one in view.tickets] == [ticket.id]
    assert [str(holder) for holder in view.holders] == ["1 ticket"]
    change(Client, ticket.client_id, name="x")
    with pytest.raises(NotFoundError):
        read_asset(99)


@pytest.mark.parametrize(
    ("number", "total", "shown"), [(1, 0, 1), (0, 10, 1), (9, 101, 3), (2, 100, 2), (3, 100, 2)]
)
def test_a_page_that_is_not_there_is_the_last_one(number: int, total: int, shown: int) -> None:
    assert clamp_page(number, total, 50) == shown


def test_where_a_page_is_among_all() -> None:
    page = NumberedPage(["x"] * 20, number=3, total=120, size=50)
    assert (page.first, page.last, page.previous_number, page.next_number) == (101, 120, 2, None)
    page = NumberedPage(["x"] * 50, number=1, total=120, size=50)
    assert (page.first, page.last, page.previous_number, page.next_number) == (1, 50, None, 2)
    assert NumberedPage([], number=1, total=0).first == 0
