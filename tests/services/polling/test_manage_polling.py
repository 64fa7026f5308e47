"""Starting, pausing, resuming, and asking for polls with or without a queue."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions, change, fresh
from webapp.crypto import cipher, generate_key
from webapp.domain.polling_health import UNREADABLE_CREDENTIALS
from webapp.models import AuditEvent, Connection
from webapp.services.connections.connect_account import disconnect_account
from webapp.services.connections.routing_settings import save_routing
from webapp.services.edition import EditionError
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.polling.manage_polling import (
    PollRefusedError,
    pause_polling,
    poll_refusal,
    request_poll,
    resume_polling,
    start_polling,
)
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule.due_connections import find_due_connections

COMPLETE = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}


@pytest.fixture
def routed(connection: Connection) -> Connection:
    """The connection with complete routing; priorities were filled in on connecting."""
    save_routing(connection.id, COMPLETE)
    return connection


@both_databases
def test_starting_asks_for_the_first_poll(routed: Connection, fake_clock: FakeClock) -> None:
    request = start_polling(routed.id)
    stored = fresh(Connection, routed.id)
    assert stored.polling_started_at == stored.poll_requested_at == fake_clock.now()
    assert stored.sweep_requested_at is None
    assert request.connection_id == routed.id
    assert audit_actions()[-1] == "polling.started"


def test_without_redis_the_request_is_kept_and_it_says_so(routed: Connection) -> None:
    """Nothing listens at the Redis address of the tests."""
    request = start_polling(routed.id)
    assert not request.is_queued
    assert request.message == (
        "The job queue (Redis) cannot be reached; the poll is requested and starts as soon as the "
        "workers are back."
    )


def test_the_first_start_is_kept(routed: Connection, fake_clock: FakeClock) -> None:
    started = fake_clock.now()
    start_polling(routed.id)
    later = fake_clock.advance(hours=1)
    start_polling(routed.id)
    stored = fresh(Connection, routed.id)
    assert (stored.polling_started_at, stored.poll_requested_at) == (started, later)
    assert audit_actions().count("polling.started") == 1


def test_polling_is_not_started_with_incomplete_routing(connection: Connection) -> None:
    with pytest.raises(PollRefusedError, match="Security board, Fallback client, Fallback"):
        start_polling(connection.id)
    stored = fresh(Connection, connection.id)
    assert (stored.polling_started_at, stored.poll_requested_at) == (None, None)
    assert "polling.started" not in audit_actions()


@both_databases
def test_poll_now(routed: Connection, fake_clock: FakeClock) -> None:
    start_polling(routed.id)
    when = fake_clock.advance(minutes=2)
    request_poll(routed.id, actor_id=None)
    stored = fresh(Connection, routed.id)
    assert (stored.poll_requested_at, stored.sweep_requested_at) == (when, None)
    when = fake_clock.advance(minutes=2)
    request_poll(routed.id, actor_id=None, sweep=True)
    stored = fresh(Connection, routed.id)
    assert (stored.poll_requested_at, stored.sweep_requested_at) == (when, when)


def test_pausing_and_resuming(routed: Connection, fake_clock: FakeClock) -> None:
    start_polling(routed.id)
    paused = fake_clock.now()
    pause_polling(routed.id, reason="Migration")
    fake_clock.advance(minutes=1)
    assert pause_polling(routed.id, reason="Migration").paused_at == paused
    with pytest.raises(PollRefusedError, match="paused; resume it first"):
        request_poll(routed.id, actor_id=None)
    assert resume_polling(routed.id).paused_at is None
    assert resume_polling(routed.id).paused_at is None
    request_poll(routed.id, actor_id=None)
    actions = audit_actions()
    assert actions[-2:] == ["polling.paused", "polling.resumed"]


def test_why_poll_now_is_refused(routed: Connection) -> None:
    """The most basic reason comes first, and refusing stores nothing."""
    assert poll_refusal(fresh(Connection, routed.id)) == "Polling has not been started yet."
    start_polling(routed.id)
    assert poll_refusal(fresh(Connection, routed.id)) is None
    change(Connection, routed.id, poll_requested_at=None)
    steps: list[tuple[Callable[[], object], str]] = [
        (lambda: pause_polling(routed.id, reason="Migration"), "Polling is paused"),
        (lambda: save_routing(routed.id, {"board_id": None}), "still missing: Security board."),
        (lambda: change(Connection, routed.id, api_secret=None), "Missing Huntress API cred"),
        (lambda: disconnect_account(routed.id), "disconnected"),
    ]
    for step, words in steps:
        step()
        with pytest.raises(PollRefusedError, match=words):
            request_poll(routed.id, actor_id=None, sweep=True)
    stored = fresh(Connection, routed.id)
    assert (stored.poll_requested_at, stored.sweep_requested_at) == (None, None)


def test_credentials_that_cannot_be_read_are_named(routed: Connection) -> None:
    cipher.configure([generate_key()])
    assert poll_refusal(fresh(Connection, routed.id)) == UNREADABLE_CREDENTIALS


def test_pausing_keeps_where_polling_stands(routed: Connection, fake_clock: FakeClock) -> None:
    cursor = fake_clock.now() - timedelta(hours=1)
    change(Connection, routed.id, cursor=cursor)
    pause_polling(routed.id, reason="Migration")
    resume_polling(routed.id)
    assert fresh(Connection, routed.id).cursor == cursor


def test_unknown_connections_and_community_edition(app: Flask, routed: Connection) -> None:
    calls: list[Callable[[int], object]] = [
        start_polling,
        lambda key: pause_polling(key, reason="Work"),
        resume_polling,
        lambda key: request_poll(key, actor_id=None),
    ]
    for call in calls:
        with pytest.raises(NotFoundError, match="no connection 99"):
            call(99)
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    for call in calls:
        with pytest.raises(EditionError):
            call(routed.id)


@both_databases
def test_a_pause_ends_by_itself(routed: Connection, fake_clock: FakeClock) -> None:
    start_polling(routed.id)
    change(Connection, routed.id, last_poll_started_at=fake_clock.now(), poll_requested_at=None)
    end = fake_clock.now() + timedelta(hours=1)
    paused = pause_polling(routed.id, reason=" Firewall\nwork ", until=end)
    assert (paused.pause_reason, paused.paused_until) == ("Firewall work", end)
    assert find_due_connections(end - timedelta(seconds=1)) == []
    assert fresh(Connection, routed.id).paused_at is not None
    fake_clock.advance(hours=1)
    assert find_due_connections(end) == [routed.id]
    stored = fresh(Connection, routed.id)
    told = (stored.paused_at, stored.paused_until, stored.pause_reason, stored.paused_by_id)
    assert told == (None, None, None, None)
    [event] = all_rows(AuditEvent, AuditEvent.action == "polling.resumed")
    assert event.actor_id is None
    assert find_due_connections(end) == [routed.id]
    assert audit_actions().count("polling.resumed") == 1


@both_databases
def test_a_claim_takes_an_ended_pause_for_none(routed: Connection, fake_clock: FakeClock) -> None:
    start_polling(routed.id)
    pause_polling(routed.id, reason="Work", until=fake_clock.now() + timedelta(hours=1))
    assert poll_connection(routed.id, trigger="command").skip_reason == "paused"
    fake_clock.advance(hours=1)
    request_poll(routed.id, actor_id=None)
    assert poll_connection(routed.id, trigger="manual").skip_reason is None
    assert fresh(Connection, routed.id).paused_at is None
    assert audit_actions()[-1] == "polling.resumed"


def test_a_pause_says_why_and_ends_later(routed: Connection, fake_clock: FakeClock) -> None:
    with pytest.raises(FieldError, match="Say why"):
        pause_polling(routed.id, reason=" ")
    with pytest.raises(FieldError, match="lies in the future"):
        pause_polling(routed.id, reason="Work", until=fake_clock.now())
    assert fresh(Connection, routed.id).paused_at is None
