"""Clients for all organizations of an installation that has none yet."""

import pytest
from flask import Flask
from sqlalchemy import event

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.mapping_data import add_mappings, client_ids
from tests.support.rows import all_rows, change, organization
from webapp.extensions import db
from webapp.models import Client, OrganizationMapping
from webapp.services.errors import ConflictError
from webapp.services.mapping import create_clients as create_clients_module
from webapp.services.mapping.create_clients import (
    Choice,
    NewClient,
    create_clients,
    propose_all_clients,
)
from webapp.services.mapping.list_mappings import MappingQuery, list_mappings, select_all
from webapp.services.mapping.map_organizations import MappingState, match_again, set_mapping

FIRST, SECOND = "40000", "40001"


@pytest.fixture
def admin_id(app: Flask, fake_clock: FakeClock) -> int:
    """An admin; 300 organizations without a client, and no client but the fallback."""
    admin, _ = desk_data.add_people()
    desk_data.add_connection(fake_clock.now())
    add_mappings(1, fake_clock.now(), organizations=300, states=["unmapped"])
    return admin.id


def statements_of(action: object) -> int:
    """How many statements an action sends."""
    sent: list[object] = []
    listener = ("before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    event.listen(db.engine, *listener)
    try:
        action()
    finally:
        event.remove(db.engine, *listener)
    return len(sent)


@both_databases
def test_all_are_proposed_created_and_linked_with_few_statements(app: Flask, admin_id: int) -> None:
    found = propose_all_clients(1, MappingQuery())
    assert (len(found.shown), found.more) == (300, 0)
    decisions = [
        NewClient(one.external_id, one.version, Choice.CREATE, one.name) for one in found.shown
    ]
    created = statements_of(lambda: create_clients(1, decisions, actor_id=admin_id))
    assert len(client_ids()) == 301
    assert all(row.client_id for row in all_rows(OrganizationMapping))
    keys = [row.external_id for row in all_rows(OrganizationMapping)]
    matched = statements_of(lambda: match_again(1, keys, actor_id=admin_id))
    if db.engine.dialect.name == "postgresql":  # SQLite is sent rows one by one, without a way
        assert created < 40
        assert matched < 20


def test_those_that_need_a_look_come_first(app: Flask, admin_id: int) -> None:
    """Names that are alike, a decision against a client; excluded and gone ones are left out."""
    rows = all_rows(OrganizationMapping)
    change(OrganizationMapping, rows[7].id, name="Zebra Ltd")
    change(OrganizationMapping, rows[8].id, name="The Zebra Group")
    set_mapping(1, FIRST, client_id=None, actor_id=admin_id)
    set_mapping(1, SECOND, tickets=False, actor_id=admin_id)
    change(OrganizationMapping, rows[2].id, gone_at=rows[2].created_at)
    found = propose_all_clients(1, MappingQuery())
    assert len(found.shown) == 298
    decided, *alike = found.shown[:3]
    assert (decided.external_id, decided.choice) == (FIRST, Choice.SKIP)
    assert [list(one.alike) for one in alike] == [["Zebra Ltd"], ["The Zebra Group"]]
    assert not any(one.needs_look for one in found.shown[3:])
    excluded = propose_all_clients(1, MappingQuery(tab=MappingState.EXCLUDED))
    assert [one.external_id for one in excluded.shown] == [SECOND], "where one asks for them"
    searched = propose_all_clients(1, MappingQuery(search="zebra"))
    assert len(searched.shown) == 2


def test_a_long_list_is_shown_in_parts(
    app: Flask, admin_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_clients_module, "MOST_ROWS", 120)
    found = propose_all_clients(1, MappingQuery())
    assert (len(found.shown), found.more) == (120, 180)


def test_a_new_client_matches_organizations_of_other_accounts(
    app: Flask, admin_id: int, fake_clock: FakeClock
) -> None:
    other = desk_data.add_connection(fake_clock.now(), account_id=2)
    add_mappings(other, fake_clock.now(), organizations=1, states=["unmapped"])
    decision = NewClient(FIRST, 1, Choice.CREATE, "Ashford Dental")
    assert create_clients(1, [decision], actor_id=admin_id).linked == 2
    assert organization(other, FIRST).client_id == client_ids()["Ashford Dental"]


@both_databases
def test_all_rows_of_a_view_are_those_that_were_seen(app: Flask, admin_id: int) -> None:
    query = MappingQuery(search="dental", tab=MappingState.UNMAPPED)
    page = list_mappings(1, query)
    assert not page.has_clients
    versions = select_all(1, query, seal=page.seal)
    assert (len(versions), set(versions.values())) == (page.total, {1})
    set_mapping(1, "40007", tickets=False)
    assert select_all(1, query, seal=page.seal) == versions, "that is another view's row"
    set_mapping(1, FIRST, tickets=False)
    with pytest.raises(ConflictError):
        select_all(1, query, seal=page.seal)
    assert len(all_rows(Client)) == 1
