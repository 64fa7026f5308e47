"""Deleting and deactivating: nothing that is pointed to goes."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import START
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp.models import (
    Asset,
    Board,
    Category,
    Client,
    Connection,
    OrganizationMapping,
    Priority,
    Status,
    Ticket,
    TicketAsset,
)
from webapp.services.desk.delete_guard import (
    HeldError,
    activate_row,
    deactivate_row,
    delete_row,
    list_holders,
)
from webapp.services.errors import NotFoundError

SECURITY, TRIAGE, SERVICE_DESK = 1, 2, 3


@pytest.fixture
def globex(app: Flask) -> Client:
    return add(Client(name="Globex"))


def _ticket(client: Client, board_id: int = SERVICE_DESK, **values: object) -> Ticket:
    number = f"TKT-{len(all_rows(Ticket)) + 1}"
    return add(
        Ticket(
            number=number,
            title="T",
            description="",
            client_id=client.id,
            board_id=board_id,
            status_id=1,
            priority_id=1,
            source="manual",
            created_at=START,
            updated_at=START,
            **values,
        )
    )


def _connection(name: str = "Acme MSP", **values: object) -> Connection:
    return add(
        Connection(
            name=name,
            base_url="https://api.huntress.io",
            account_id=name,
            created_at=START,
            **values,
        )
    )


@both_databases
def test_what_nothing_points_to_is_deleted(globex: Client) -> None:
    assert list_holders(Client, globex.id) == []
    delete_row(Client, globex.id)
    assert [client.name for client in all_rows(Client)] == ["Internal (unmapped security)"]
    assert audit_actions() == ["client.deleted"]


@both_databases
def test_tickets_hold(globex: Client) -> None:
    _ticket(globex)
    with pytest.raises(HeldError, match=r"Globex cannot be deleted: 1 ticket uses it\."):
        delete_row(Client, globex.id)
    _ticket(globex)
    with pytest.raises(HeldError, match="2 tickets use it"):
        delete_row(Client, globex.id)
    for model, row_id in ((Board, SERVICE_DESK), (Priority, 1)):
        with pytest.raises(HeldError, match="2 tickets"):
            delete_row(model, row_id)
    assert fresh(Client, globex.id).name == "Globex"


@both_databases
def test_routing_holds_and_cannot_be_deactivated(app: Flask) -> None:
    connection = _connection(board_id=SECURITY, fallback_board_id=SECURITY, fallback_client_id=1)
    [holder] = list_holders(Board, SECURITY)
    assert (holder.is_routing, holder.count, str(holder)) == (True, 1, "the routing of Acme MSP")
    for refuse, word in ((delete_row, "deleted"), (deactivate_row, "deactivated")):
        with pytest.raises(HeldError, match=f"cannot be {word}: the routing of Acme MSP uses"):
            refuse(Board, SECURITY)
    change(Connection, connection.id, board_id=TRIAGE, fallback_board_id=TRIAGE)
    assert deactivate_row(Board, SECURITY).is_active is False


def test_several_connections_are_all_named(app: Flask) -> None:
    _connection("B", fallback_client_id=1)
    _connection("A", fallback_client_id=1)
    with pytest.raises(HeldError, match="the routing of A, B"):
        deactivate_row(Client, 1)


def test_everything_that_holds_is_named(globex: Client) -> None:
    connection = _connection(fallback_client_id=globex.id)
    _ticket(globex)
    add(Asset(client_id=globex.id, name="PC-1", hostname_key="pc-1"))
    add(
        OrganizationMapping(
            connection_id=connection.id,
            external_id="1",
            name="Globex",
            client_id=globex.id,
            created_at=START,
            updated_at=START,
        )
    )
    assert [str(holder) for holder in list_holders(Client, globex.id)] == [
        "the routing of Acme MSP",
        "1 asset",
        "1 mapped organization",
        "1 ticket",
    ]


def test_tickets_and_mappings_do_not_keep_a_client_active(globex: Client) -> None:
    _ticket(globex)
    assert deactivate_row(Client, globex.id).is_active is False
    deactivate_row(Client, globex.id)
    assert activate_row(Client, globex.id).is_active is True
    assert audit_actions() == ["client.deactivated", "client.activated"]


def test_categories(globex: Client) -> None:
    phishing = add(Category(name="Phishing", board_id=SERVICE_DESK))
    spear = add(Category(name="Spear", board_id=SERVICE_DESK, parent_id=phishing.id))
    with pytest.raises(HeldError, match="1 category uses it"):
        delete_row(Category, phishing.id)
    with pytest.raises(HeldError, match="2 categories use it"):
        delete_row(Board, SERVICE_DESK)
    ticket = _ticket(globex, category_id=phishing.id, subcategory_id=spear.id)
    with pytest.raises(HeldError, match="1 ticket uses"):
        delete_row(Category, spear.id)
    change(Ticket, ticket.id, category_id=None, subcategory_id=None)
    delete_row(Category, spear.id)
    delete_row(Category, phishing.id)


def test_an_asset_that_a_ticket_is_about(globex: Client) -> None:
    asset = add(Asset(client_id=globex.id, name="PC-1", hostname_key="pc-1"))
    add(TicketAsset(ticket_id=_ticket(globex).id, asset_id=asset.id))
    with pytest.raises(HeldError, match="1 ticket uses"):
        delete_row(Asset, asset.id)


def test_the_default_status_stays(app: Flask) -> None:
    with pytest.raises(HeldError, match="Open is the status of new tickets"):
        delete_row(Status, 1)
    delete_row(Status, 3)
    assert [status.name for status in all_rows(Status)] == ["Open", "In progress", "Closed"]


def test_what_does_not_exist(app: Flask) -> None:
    for action in (delete_row, deactivate_row, activate_row):
        with pytest.raises(NotFoundError, match="no board 99"):
            action(Board, 99)
    assert list_holders(Board, 99) == []
