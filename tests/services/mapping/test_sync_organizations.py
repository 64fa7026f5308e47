"""Syncing organizations: every one once, and a person's choice is never touched."""

from dataclasses import replace

import pytest
import responses
from flask import Flask
from sqlalchemy.orm import Session

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import allow_host
from tests.support.rows import add, all_rows, change, fresh, organization
from webapp.clock import utcnow
from webapp.domain.cursor_walk import MAX_EMPTY_PAGES, Page
from webapp.huntress.errors import HuntressError
from webapp.huntress.simulator import Simulator
from webapp.huntress.simulator.faults import Faults
from webapp.models import Client, Connection, OrganizationMapping
from webapp.services.calls.open_client import MissingCredentialsError, open_client
from webapp.services.connections.connect_account import disconnect_account
from webapp.services.edition import EditionError
from webapp.services.errors import NotFoundError
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.mapping.sync_organizations import (
    SyncResult,
    add_organization,
    parse_organization,
    sync_organizations,
)
from webapp.services.transactions import transaction

ORIGIN = "http://127.0.0.1:1"


def _sync(connection: Connection) -> SyncResult:
    return sync_organizations(connection.id)


@both_databases
def test_each_kind_of_match(
    connection: Connection, huntress: Simulator, fake_clock: FakeClock
) -> None:
    acme = add(Client(name="Acme, Inc."))
    globex = [add(Client(name=name)) for name in ("Globex", "GLOBEX")]
    add(Client(name="Hooli", is_active=False))
    add(Client(name="Müller GmbH"))
    for number, name in enumerate(("ACME INC", "globex", "Hooli", "Möller GmbH"), start=1):
        huntress.account.add_organization(name, id=number)
    result = _sync(connection)
    assert result == SyncResult(total=4, created=4, auto_matched=1, ambiguous=1)
    matched, ambiguous, inactive, different = all_rows(OrganizationMapping)
    assert (matched.client_id, matched.is_auto_matched) == (acme.id, True)
    assert sorted(ambiguous.candidate_ids or []) == [client.id for client in globex]
    assert [row.client_id for row in (ambiguous, inactive, different)] == [None, None, None]
    assert not any(row.candidate_ids for row in (matched, inactive, different))
    assert all(row.creates_tickets and row.is_name_known for row in all_rows(OrganizationMapping))
    assert fresh(Connection, connection.id).organizations_synced_at == fake_clock.now()


@both_databases
def test_syncing_again_changes_nothing(connection: Connection, huntress: Simulator) -> None:
    add(Client(name="Acme"))
    huntress.account.add_organization("Acme", id=1)
    huntress.account.add_organization("Initech", id=2)
    _sync(connection)
    before = [(row.version, row.updated_at) for row in all_rows(OrganizationMapping)]
    assert _sync(connection) == SyncResult(total=2)
    assert [(row.version, row.updated_at) for row in all_rows(OrganizationMapping)] == before


def test_names_and_sizes_are_refreshed(connection: Connection, huntress: Simulator) -> None:
    huntress.account.add_organization("Acme", id=1)
    huntress.account.add_agent(1, hostname="PC-1")
    _sync(connection)
    assert organization(connection.id, 1).agents_count == 1
    huntress.account.organization_rows[1]["name"] = "Acme Holding"
    huntress.account.add_agent(1, hostname="PC-2")
    assert _sync(connection) == SyncResult(total=1, updated=1)
    row = organization(connection.id, 1)
    assert (row.name, row.agents_count) == ("Acme Holding", 2)


def test_a_client_that_comes_later_is_matched_by_the_next_sync(
    connection: Connection, huntress: Simulator
) -> None:
    huntress.account.add_organization("Acme", id=1)
    assert _sync(connection).auto_matched == 0
    client = add(Client(name="acme"))
    assert _sync(connection) == SyncResult(total=1, auto_matched=1)
    assert organization(connection.id, 1).client_id == client.id


def test_an_ambiguous_row_is_solved_when_one_client_goes(
    connection: Connection, huntress: Simulator
) -> None:
    kept, gone = add(Client(name="Globex")), add(Client(name="globex"))
    huntress.account.add_organization("Globex", id=1)
    assert _sync(connection).ambiguous == 1
    assert _sync(connection).ambiguous == 1
    change(Client, gone.id, is_active=False)
    assert _sync(connection) == SyncResult(total=1, auto_matched=1)
    row = organization(connection.id, 1)
    assert (row.client_id, row.candidate_ids) == (kept.id, None)


@both_databases
def test_a_persons_choice_is_never_touched(connection: Connection, huntress: Simulator) -> None:
    acme, other = add(Client(name="Acme")), add(Client(name="Other"))
    for number in (1, 2, 3):
        huntress.account.add_organization("Acme", id=number)
    _sync(connection)
    set_mapping(connection.id, "1", client_id=other.id)
    set_mapping(connection.id, "2", client_id=None)
    set_mapping(connection.id, "3", tickets=False)
    huntress.account.organization_rows[2]["name"] = "Acme!"
    assert _sync(connection).auto_matched == 0
    one, two, three = all_rows(OrganizationMapping)
    assert (one.client_id, one.is_auto_matched) == (other.id, False)
    assert (two.client_id, two.name) == (None, "Acme!")
    assert (three.client_id, three.is_auto_matched, three.creates_tickets) == (
        acme.id,
        True,
        False,
    )


def test_an_organization_that_is_gone_is_marked_and_comes_back(
    connection: Connection, huntress: Simulator, fake_clock: FakeClock
) -> None:
    huntress.account.add_organization("Acme", id=1)
    _sync(connection)
    huntress.account.remove_organization(1)
    when = fake_clock.advance(days=1)
    assert _sync(connection) == SyncResult(total=0, gone=1)
    fake_clock.advance(days=1)
    assert _sync(connection) == SyncResult(total=0)
    assert organization(connection.id, 1).gone_at == when
    huntress.account.add_organization("Acme", id=1)
    assert _sync(connection) == SyncResult(total=1, updated=1)
    assert organization(connection.id, 1).gone_at is None


def test_only_what_was_listed_once_can_be_gone(connection: Connection, huntress: Simulator) -> None:
    with transaction() as session:
        add_organization(session, connection.id, "7", None)
    assert _sync(connection) == SyncResult()
    assert organization(connection.id, 7).gone_at is None
    huntress.account.add_organization("Acme", id=7)
    _sync(connection)
    huntress.account.remove_organization(7)
    assert _sync(connection).gone == 1


def test_all_pages_are_read(connection: Connection, huntress: Simulator) -> None:
    for number in range(1, 1203):
        huntress.account.add_organization(f"Organization {number}", id=number)
    assert _sync(connection) == SyncResult(total=1202, created=1202)
    assert len(all_rows(OrganizationMapping)) == 1202


def test_a_sync_that_fails_half_way_stores_nothing(
    connection: Connection, huntress: Simulator
) -> None:
    for number in range(1, 602):
        huntress.account.add_organization(f"Organization {number}", id=number)
    huntress.faults = Faults(fail_calls={2, 3, 4})
    with pytest.raises(HuntressError, match="failing"):
        _sync(connection)
    assert all_rows(OrganizationMapping) == []


def test_two_connections_keep_their_organizations_apart(
    connection: Connection, huntress: Simulator
) -> None:
    huntress.account.add_organization("Acme", id=1)
    other = add(
        Connection(
            name="B",
            base_url=huntress.base_url,
            account_id="other",
            api_key="hk_demo",
            api_secret="hs_demo",
            created_at=connection.created_at,
        )
    )
    _sync(connection)
    assert _sync(other).created == 1
    huntress.account.remove_organization(1)
    assert _sync(other).gone == 1
    assert organization(connection.id, 1).gone_at is None


@responses.activate
def test_odd_rows_do_not_stop_the_rest(app: Flask, connection: Connection) -> None:
    allow_host(app, ORIGIN)
    change(Connection, connection.id, base_url=ORIGIN)
    rows = [
        None,
        "text",
        {},
        {"id": None, "name": "No id"},
        {"id": 1, "name": None},
        {"id": "2", "name": "A\u202e\x00\nB", "agents_count": "many"},
        {"id": 3, "name": "C" * 900, "agents_count": 2**80},
        {"id": 1, "name": "One, again"},
    ]
    responses.get(f"{ORIGIN}/v1/organizations", json={"organizations": rows})
    assert _sync(connection).total == 3
    one, two, three = all_rows(OrganizationMapping)
    assert (one.name, one.is_name_known) == ("One, again", True)
    assert (two.name, two.agents_count) == ("A B", None)
    assert (len(three.name), three.agents_count) == (255, None)


@responses.activate
def test_a_repeated_page_ends_the_sync_with_an_error(app: Flask, connection: Connection) -> None:
    allow_host(app, ORIGIN)
    change(Connection, connection.id, base_url=ORIGIN)
    page = {"organizations": [{"id": 1, "name": "A"}], "pagination": {"next_page_token": "same"}}
    responses.get(f"{ORIGIN}/v1/organizations", json=page)
    with pytest.raises(HuntressError, match="repeated a page token"):
        _sync(connection)
    assert all_rows(OrganizationMapping) == []


class _EmptyPages:
    """A list without an end: every page is empty and names another one."""

    pages = 0

    def list_organizations(self, _token: str | None) -> Page:
        self.pages += 1
        return Page((), f"token-{self.pages}", answered_at=utcnow())


def test_a_list_without_an_end_ends_the_sync_with_an_error(connection: Connection) -> None:
    client = _EmptyPages()
    with pytest.raises(HuntressError, match="empty pages in a row"):
        sync_organizations(connection.id, client)  # type: ignore[arg-type]
    assert client.pages == MAX_EMPTY_PAGES + 1


def test_an_unknown_name_is_learned_and_then_matched(
    connection: Connection, huntress: Simulator
) -> None:
    client = add(Client(name="Acme"))
    add(Client(name="Huntress org 1"))
    with transaction() as session:
        row = add_organization(session, connection.id, "1", None)
    assert (row.name, row.is_name_known, row.client_id) == ("Huntress org 1", False, None)
    huntress.account.add_organization("Acme", id=1)
    assert _sync(connection) == SyncResult(total=1, updated=1, auto_matched=1)
    row = organization(connection.id, 1)
    assert (row.name, row.is_name_known, row.client_id) == ("Acme", True, client.id)


@responses.activate
def test_a_name_that_goes_missing_does_not_replace_a_known_one(
    app: Flask, connection: Connection
) -> None:
    with transaction() as session:
        add_organization(session, connection.id, "1", "Acme")
    allow_host(app, ORIGIN)
    change(Connection, connection.id, base_url=ORIGIN)
    responses.get(f"{ORIGIN}/v1/organizations", json={"organizations": [{"id": 1, "name": ""}]})
    _sync(connection)
    row = organization(connection.id, 1)
    assert (row.name, row.is_name_known) == ("Acme", True)


def test_an_organization_seen_in_an_incident_is_matched_at_once(connection: Connection) -> None:
    client = add(Client(name="Acme"))
    with transaction() as session:
        row = add_organization(session, connection.id, "9", "ACME", agents_count=4)
        assert row.id is not None
    row = organization(connection.id, 9)
    assert (row.client_id, row.is_auto_matched, row.agents_count) == (client.id, True, 4)


def test_a_given_client_is_used_and_left_open(
    app: Flask, connection: Connection, huntress: Simulator
) -> None:
    huntress.account.add_organization("Acme")
    client = open_client(connection, app.extensions["triagedesk_config"])
    assert sync_organizations(connection.id, client).created == 1
    assert sync_organizations(connection.id, client).total == 1
    client.close()


def test_a_guard_that_refuses_rolls_everything_back(
    connection: Connection, huntress: Simulator, fake_clock: FakeClock
) -> None:
    huntress.account.add_organization("Acme")

    def refuse(session: Session) -> None:
        raise RuntimeError("the lease was lost")

    with pytest.raises(RuntimeError, match="lease"):
        sync_organizations(connection.id, guard=refuse)
    assert all_rows(OrganizationMapping) == []


def test_who_cannot_sync(app: Flask, connection: Connection) -> None:
    with pytest.raises(NotFoundError):
        sync_organizations(99)
    disconnect_account(connection.id)
    with pytest.raises(MissingCredentialsError):
        _sync(connection)
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    with pytest.raises(EditionError):
        _sync(connection)


def test_parse_organization() -> None:
    parsed = parse_organization({"id": 5, "name": " A  B ", "agents_count": 3})
    assert parsed is not None
    assert (parsed.external_id, parsed.name, parsed.agents_count) == ("5", "A B", 3)
    assert parse_organization({"id": True}) is None
    assert parse_organization([1]) is None


def test_the_result_as_json() -> None:
    assert SyncResult(total=2, gone=1).as_dict() == {
        "total": 2,
        "created": 0,
        "updated": 0,
        "auto_matched": 0,
        "ambiguous": 0,
        "gone": 1,
    }
