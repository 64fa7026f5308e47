"""What the page of a connection reads, what its sync says, and saves that refuse to overwrite."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.huntress.simulator import Simulator
from webapp.huntress.simulator.faults import Faults
from webapp.models import Board, Category, Connection, OrganizationMapping
from webapp.services.calls.explain_error import explain, is_about_base_url
from webapp.services.calls.open_client import MissingCredentialsError
from webapp.services.connections.connect_account import disconnect_account
from webapp.services.connections.connection_health import read_connections_health
from webapp.services.connections.read_connection_page import read_connection_page
from webapp.services.connections.routing_settings import (
    RoutingError,
    StaleRoutingError,
    routing_values,
    save_routing,
)
from webapp.services.edition import EditionError
from webapp.services.errors import NotFoundError
from webapp.services.mapping.sync_now import SyncFailedError, sync_now, sync_words
from webapp.services.mapping.sync_organizations import SyncResult

COMPLETE = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}


@both_databases
def test_the_page_of_a_connection(connection: Connection) -> None:
    save_routing(connection.id, {**COMPLETE, "poll_interval_minutes": 9})
    change(Board, 1, is_active=False)
    page = read_connection_page(connection.id)
    assert (page.title, page.account_id, page.is_connected) == ("Acme", "30911", True)
    assert page.values["poll_interval_minutes"] == 9
    assert page.chosen["board_id"].name == "Security"
    assert "category_id" not in page.chosen
    assert (
        "Critical incidents become tickets of priority Critical on board Security."
        in page.sentences
    )
    assert [step.state.value for step in page.steps] == ["done", "done", "current", *["later"] * 3]
    assert not page.is_set_up
    disconnect_account(connection.id)
    page = read_connection_page(connection.id)
    assert (page.has_credentials, page.is_connected) == (False, False)
    with pytest.raises(NotFoundError):
        read_connection_page(99)


def test_the_health_of_all(connection: Connection) -> None:
    assert [one.name for one in read_connections_health()] == ["Acme"]


def stale(connection: Connection, seen: dict[str, object], **changes: object) -> dict[str, object]:
    with pytest.raises(StaleRoutingError, match="so nothing was saved") as caught:
        save_routing(connection.id, {**seen, **changes}, seen=seen)
    return caught.value.stored


@both_databases
def test_a_save_refuses_to_overwrite(connection: Connection) -> None:
    seen = routing_values(fresh(Connection, connection.id))
    save_routing(connection.id, {"backfill_days": 3})
    events = len(audit_actions())
    assert stale(connection, seen, board_id=1)["backfill_days"] == 3
    assert stale(connection, seen, backfill_days=4)["backfill_days"] == 3
    assert fresh(Connection, connection.id).board_id is None
    assert len(audit_actions()) == events
    save_routing(connection.id, {**seen, "backfill_days": 3, "board_id": 1}, seen=seen)
    assert fresh(Connection, connection.id).board_id == 1


def test_a_kept_category_is_cleared_a_chosen_one_refused(connection: Connection) -> None:
    own = add(Category(name="Own", board_id=1))
    inner = add(Category(name="Inner", board_id=1, parent_id=own.id))
    save_routing(connection.id, {**COMPLETE, "category_id": own.id, "subcategory_id": inner.id})
    seen = routing_values(fresh(Connection, connection.id))
    with pytest.raises(RoutingError, match="Inner is not a subcategory of that category"):
        save_routing(
            connection.id,
            {**seen, "category_id": None},
            seen={**seen, "subcategory_id": None},
        )
    with pytest.raises(RoutingError, match="Own is not a category of the security board"):
        save_routing(connection.id, {**seen, "board_id": 3}, seen={**seen, "category_id": None})
    save_routing(connection.id, {**seen, "board_id": 3}, seen=seen)
    stored = fresh(Connection, connection.id)
    assert (stored.board_id, stored.category_id, stored.subcategory_id) == (3, None, None)


@both_databases
def test_sync_now(connection: Connection, huntress: Simulator) -> None:
    huntress.account.add_organization("Globex")
    result = sync_now(connection.id)
    assert (result.total, result.created) == (1, 1)
    assert audit_actions()[-1] == "organizations.synced"
    assert len(all_rows(OrganizationMapping)) == 1


def test_sync_now_that_fails_changes_nothing(
    app: Flask, connection: Connection, huntress: Simulator
) -> None:
    huntress.account.add_organization("Globex")
    huntress.faults = Faults(storm_429=True)
    with pytest.raises(SyncFailedError, match=r"Nothing was synchronized.*Wait a minute"):
        sync_now(connection.id)
    assert all_rows(OrganizationMapping) == []
    assert "organizations.synced" not in audit_actions()
    disconnect_account(connection.id)
    with pytest.raises(MissingCredentialsError):
        sync_now(connection.id)
    with pytest.raises(NotFoundError):
        sync_now(99)
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    for call in (sync_now, read_connection_page):
        with pytest.raises(EditionError):
            call(connection.id)


def test_a_sync_in_words() -> None:
    result = SyncResult(total=1200, created=1100, updated=3, auto_matched=7, ambiguous=2, gone=1)
    assert sync_words(result) == (
        "Synchronized 1,200 organizations: 1,100 new, 3 updated, 7 auto-matched, 2 ambiguous, 1 "
        "gone from Huntress."
    )
    assert sync_words(SyncResult(total=1)).startswith("Synchronized 1 organization: 0 new")


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_failure_is_explained(kind: ErrorKind) -> None:
    error = HuntressError(kind)
    assert explain(error).startswith(error.sentence)
    assert explain(error) == explain(error).strip()
    is_about_url = kind in (ErrorKind.HOST_NOT_ALLOWED, ErrorKind.REDIRECTED)
    assert is_about_base_url(error) is is_about_url
