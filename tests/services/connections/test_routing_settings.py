"""Routing settings: validated, saved column by column, complete or not."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, audit_events, change, fresh
from webapp.domain.routing import missing_keys, missing_labels
from webapp.models import Board, Category, Client, Connection, Priority, Status
from webapp.services.connections.routing_names import (
    find_client_id,
    resolve_routing_names,
    show_routing,
)
from webapp.services.connections.routing_settings import (
    ROUTING_FIELDS,
    RoutingError,
    routing_choices,
    save_routing,
)
from webapp.services.edition import EditionError
from webapp.services.errors import NotFoundError
from webapp.services.polling.manage_polling import pause_polling, start_polling
from webapp.services.transactions import transaction

COMPLETE = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}
SECURITY, TRIAGE = 1, 2


def _category(name: str, board_id: int = SECURITY, parent: Category | None = None) -> Category:
    return add(Category(name=name, board_id=board_id, parent_id=parent.id if parent else None))


def _errors(connection: Connection, **changes: object) -> dict[str, str]:
    with pytest.raises(RoutingError) as caught:
        save_routing(connection.id, changes)
    return caught.value.fields


@both_databases
def test_incomplete_routing_is_saved_and_says_so(connection: Connection) -> None:
    saved = save_routing(connection.id, {"board_id": SECURITY})
    assert saved.message == (
        "Saved, but routing is still incomplete; polling stays paused until every required field "
        "is set."
    )
    assert saved.missing == ("fallback_client", "fallback_board")
    stored = fresh(Connection, connection.id)
    assert stored.board_id == SECURITY
    assert missing_labels(stored) == ("Fallback client", "Fallback (triage) board")


@both_databases
def test_complete_routing(connection: Connection) -> None:
    saved = save_routing(connection.id, COMPLETE)
    assert saved.missing == ()
    assert "start polling" in saved.message
    start_polling(connection.id)
    saved = save_routing(connection.id, {"poll_interval_minutes": 10})
    assert saved.message == "Routing configuration saved — incident polling is active."
    pause_polling(connection.id, reason="Migration")
    assert "paused" in save_routing(connection.id, {"poll_interval_minutes": 5}).message


def test_each_required_field_is_missed(connection: Connection) -> None:
    save_routing(connection.id, COMPLETE)
    fields = {
        "board_id": "board",
        "fallback_client_id": "fallback_client",
        "fallback_board_id": "fallback_board",
        "critical_priority_id": "priority.critical",
        "high_priority_id": "priority.high",
        "low_priority_id": "priority.low",
    }
    for attribute, field in fields.items():
        value = getattr(fresh(Connection, connection.id), attribute)
        assert save_routing(connection.id, {attribute: None}).missing == (field,)
        save_routing(connection.id, {attribute: value})
    assert missing_keys(fresh(Connection, connection.id)) == ()


def test_what_is_not_given_stays(connection: Connection) -> None:
    save_routing(connection.id, {**COMPLETE, "backfill_days": 3, "reopen_tickets": False})
    save_routing(connection.id, {"poll_interval_minutes": 1})
    stored = fresh(Connection, connection.id)
    assert (stored.board_id, stored.backfill_days, stored.reopen_tickets) == (1, 3, False)


@pytest.mark.parametrize("value", [0, 61, -1, 10**12, "5", 5.0, None, True])
def test_an_interval_out_of_range_is_refused(connection: Connection, value: object) -> None:
    errors = _errors(connection, poll_interval_minutes=value, backfill_days=2)
    assert errors == {"poll_interval_minutes": "Enter a whole number from 1 to 60."}
    assert fresh(Connection, connection.id).backfill_days == 7


def test_backfill_has_a_range_of_its_own(connection: Connection) -> None:
    assert "1 to 30" in _errors(connection, backfill_days=31)["backfill_days"]
    save_routing(connection.id, {"backfill_days": 30, "poll_interval_minutes": 60})


def test_numbers_out_of_range_that_are_stored_are_clamped(connection: Connection) -> None:
    change(Connection, connection.id, poll_interval_minutes=999, backfill_days=0)
    shown = show_routing(connection.id)
    assert (shown["poll_interval_minutes"], shown["backfill_days"]) == (60, 1)


def test_choices_that_do_not_exist(connection: Connection) -> None:
    errors = _errors(
        connection,
        board_id=999,
        fallback_client_id="1",
        high_priority_id=True,
        auto_close_tickets="yes",
        cursor=None,
    )
    assert set(errors) == {
        "board_id",
        "fallback_client_id",
        "high_priority_id",
        "auto_close_tickets",
        "cursor",
    }
    assert "does not exist" in errors["board_id"]
    assert audit_actions() == ["connection.created"]


def test_inactive_choices_are_refused(connection: Connection) -> None:
    board = add(Board(name="Old board", is_active=False))
    client = add(Client(name="Old client", is_active=False))
    errors = _errors(connection, board_id=board.id, fallback_client_id=client.id)
    assert errors["board_id"] == "Old board is not active any more; choose another."
    assert "Old client" in errors["fallback_client_id"]


def test_auto_close_needs_a_closed_status(connection: Connection) -> None:
    statuses = {row.name: row.id for row in all_rows(Status)}
    assert set(_errors(connection, auto_close_tickets=True)) == {"closed_status_id"}
    errors = _errors(connection, auto_close_tickets=True, closed_status_id=statuses["Open"])
    assert errors == {"closed_status_id": "Open is not a closed status."}
    save_routing(
        connection.id, {"auto_close_tickets": True, "closed_status_id": statuses["Closed"]}
    )
    assert set(_errors(connection, closed_status_id=None)) == {"closed_status_id"}
    save_routing(connection.id, {"auto_close_tickets": False, "closed_status_id": None})


def test_categories_have_to_fit(connection: Connection) -> None:
    phishing, other = _category("Phishing"), _category("Other", TRIAGE)
    detail, foreign = _category("Spear", parent=phishing), _category("Far", TRIAGE, other)
    save_routing(connection.id, {"board_id": SECURITY})
    assert set(_errors(connection, category_id=other.id)) == {"category_id"}
    assert set(_errors(connection, category_id=detail.id)) == {"category_id"}
    assert set(_errors(connection, subcategory_id=detail.id)) == {"subcategory_id"}
    wrong = {"category_id": phishing.id, "subcategory_id": foreign.id}
    save_routing(connection.id, {"category_id": phishing.id, "subcategory_id": detail.id})
    assert set(_errors(connection, **{**wrong, "category_id": phishing.id})) == {"subcategory_id"}


@pytest.mark.parametrize("is_posted_too", [False, True])
def test_another_board_clears_a_category_that_is_not_its_own(
    connection: Connection, is_posted_too: bool
) -> None:
    """Also where a form without JavaScript sends the old category along."""
    phishing = _category("Phishing")
    detail = _category("Spear", parent=phishing)
    chosen = {"category_id": phishing.id, "subcategory_id": detail.id}
    save_routing(connection.id, {"board_id": SECURITY, **chosen})
    save_routing(connection.id, {"board_id": TRIAGE, **(chosen if is_posted_too else {})})
    stored = fresh(Connection, connection.id)
    assert (stored.board_id, stored.category_id, stored.subcategory_id) == (TRIAGE, None, None)


def test_board_and_category_change_together(connection: Connection) -> None:
    phishing, other = _category("Phishing"), _category("Other", TRIAGE)
    save_routing(connection.id, {"board_id": SECURITY, "category_id": phishing.id})
    save_routing(connection.id, {"board_id": TRIAGE, "category_id": other.id})
    assert fresh(Connection, connection.id).category_id == other.id


def test_another_category_clears_the_subcategory(connection: Connection) -> None:
    phishing, malware = _category("Phishing"), _category("Malware")
    detail = _category("Spear", parent=phishing)
    save_routing(
        connection.id,
        {"board_id": SECURITY, "category_id": phishing.id, "subcategory_id": detail.id},
    )
    save_routing(connection.id, {"category_id": malware.id})
    assert fresh(Connection, connection.id).subcategory_id is None


def test_only_what_changed_is_written_and_audited(connection: Connection) -> None:
    save_routing(connection.id, COMPLETE, actor_id=None)
    save_routing(connection.id, {**COMPLETE, "backfill_days": 9})
    save_routing(connection.id, COMPLETE)
    events = [row for row in audit_events() if row.action == "routing.saved"]
    assert len(events) == 2
    assert (events[1].before, events[1].after) == ({"backfill_days": 7}, {"backfill_days": 9})


def test_saving_does_not_undo_what_a_poll_wrote_meanwhile(connection: Connection) -> None:
    """And the other way round: a poll writes single columns, saving writes single columns."""
    now = connection.created_at
    with transaction() as session:
        stale = session.get(Connection, connection.id)
        assert stale is not None
    change(Connection, connection.id, cursor=now, last_success_at=now)
    save_routing(connection.id, COMPLETE)
    stored = fresh(Connection, connection.id)
    assert (stored.cursor, stored.last_success_at, stored.board_id) == (now, now, SECURITY)


def test_choices_are_active_and_in_order(connection: Connection) -> None:
    add(Board(name="A first board"))
    add(Board(name="Old board", is_active=False))
    add(Client(name="Old client", is_active=False))
    add(Priority(name="Urgent", position=0, colour="red"))
    parent = _category("Phishing")
    _category("Spear", parent=parent)
    choices = routing_choices()
    names = [board.name for board in choices.boards]
    assert names == ["A first board", "Security", "Security Triage", "Service Desk"]
    assert [client.name for client in choices.clients] == ["Internal (unmapped security)"]
    assert [one.name for one in choices.priorities] == [
        "Urgent",
        "Critical",
        "High",
        "Medium",
        "Low",
    ]
    assert [status.name for status in choices.closed_statuses] == ["Closed"]
    assert [one.name for one in choices.categories] == ["Phishing"]
    assert [one.name for one in choices.subcategories] == ["Spear"]


def test_show_routing(connection: Connection) -> None:
    phishing = _category("Phishing")
    save_routing(connection.id, {**COMPLETE, "category_id": phishing.id})
    shown = show_routing(connection.id)
    assert shown["board"] == "Security"
    assert shown["category"] == "Phishing"
    assert shown["subcategory"] is None
    assert shown["fallback_client"] == "Internal (unmapped security)"
    assert shown["fallback_board"] == "Security Triage"
    assert shown["priorities"] == {"critical": "Critical", "high": "High", "low": "Medium"}
    assert (shown["is_complete"], shown["missing"]) == (True, [])


def test_unknown_connections_and_community_edition(app: Flask, connection: Connection) -> None:
    connection_id = connection.id
    for call in (show_routing, lambda key: save_routing(key, {})):
        with pytest.raises(NotFoundError):
            call(99)
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    with pytest.raises(EditionError):
        save_routing(connection_id, COMPLETE)


def test_every_routing_field_is_a_column() -> None:
    assert set(ROUTING_FIELDS) <= set(Connection.__table__.columns.keys())


def test_names_are_resolved(connection: Connection) -> None:
    phishing = _category("Phishing")
    detail = _category("Spear", parent=phishing)
    found = resolve_routing_names(
        connection.id,
        {
            "board_id": "security",
            "category_id": "PHISHING",
            "subcategory_id": "Spear",
            "fallback_client_id": " Internal (unmapped security) ",
            "closed_status_id": "closed",
            "high_priority_id": "none",
        },
    )
    assert found == {
        "board_id": SECURITY,
        "category_id": phishing.id,
        "subcategory_id": detail.id,
        "fallback_client_id": 1,
        "closed_status_id": 4,
        "high_priority_id": None,
    }


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"board_id": "Nope"}, 'no board "Nope"; there are: Security, Security Triage'),
        ({"closed_status_id": "Open"}, 'no closed status "Open"; there are: Closed.'),
        ({"category_id": "X"}, 'no category of the security board "X"; there are: none.'),
        ({"low_priority_id": ""}, 'no priority ""'),
    ],
)
def test_names_that_nobody_has(connection: Connection, names: dict[str, Any], words: str) -> None:
    with pytest.raises(RoutingError) as caught:
        resolve_routing_names(connection.id, names)
    assert words in caught.value.fields[next(iter(names))]


def test_names_that_differ_only_in_case(connection: Connection) -> None:
    first, second = add(Client(name="Globex")), add(Client(name="GLOBEX"))
    assert (find_client_id("Globex"), find_client_id("GLOBEX")) == (first.id, second.id)
    with pytest.raises(Exception, match='more than one client "globex"'):
        find_client_id("globex")
