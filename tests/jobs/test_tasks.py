from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy.exc import OperationalError

from tests.support.fake_clock import START, FakeClock
from tests.support.rows import add, all_rows, audit_actions
from tests.support.security.trail import add_events
from webapp import task_queue
from webapp.jobs import tasks
from webapp.models import Connection, SetupToken
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.task_queue import JOBS, fetch_job, make_queue


def connect(account_id: str, **values: object) -> int:
    fixed = {"name": "x", "base_url": "", "account_id": account_id, "created_at": START}
    started = {"polling_started_at": START, "last_poll_started_at": START}
    return add(Connection(**{**fixed, **started, **values})).id


@pytest.fixture
def queue(app: Flask, redis: Redis, valkey_server) -> Redis:
    task_queue.configure(valkey_server.url)  # the app's own points nowhere
    return redis


def test_every_job_has_a_function() -> None:
    assert tasks.FUNCTIONS.keys() == JOBS.keys()


def test_a_tick_enqueues_what_is_due_once(queue: Redis, fake_clock: FakeClock) -> None:
    due = connect("1", last_poll_started_at=START - timedelta(minutes=6))
    connect("2", last_poll_started_at=START - timedelta(minutes=4))
    connect("3", last_poll_started_at=None, polling_started_at=None)
    for _ in range(3):
        tasks.tick()
    assert make_queue("polls", queue).job_ids == [f"poll-{due}"]
    job = fetch_job(f"poll-{due}", queue)
    assert job is not None
    assert job.kwargs["trigger"] == "schedule"


def test_chaining_is_done_at_once_and_what_takes_longer_is_a_job_of_its_own(
    queue: Redis, fake_clock: FakeClock
) -> None:
    """No receiver that hangs and no long verification holds up a tick."""
    add_events(2)
    for _ in range(3):
        tasks.audit_trail()
    assert make_queue("long", queue).job_ids == ["audit-sending"]
    report = verify_chain()
    assert (report.links, report.waiting) == (2, 0)
    tasks.audit_sending()
    assert audit_actions()[-1] == "audit.verified"
    queue.flushall()
    tasks.audit_trail()
    assert make_queue("long", queue).job_ids == []


def test_a_tick_without_a_database_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_now: object) -> list[int]:
        raise OperationalError("SELECT 1", {}, Exception("connection refused\nreally"))

    monkeypatch.setattr(tasks, "find_due_connections", fail)
    tasks.tick()
    [record] = caplog.records
    assert record.exc_info is None
    assert record.message.endswith("trying again: connection refused")


def test_a_poll_hands_its_arguments_on(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        tasks, "poll_connection", lambda id, **rest: calls.append((id, *sorted(rest.items())))
    )
    tasks.poll(3, "manual", actor_id=7, sweep=True)
    assert calls == [(3, ("actor_id", 7), ("sweep", True), ("trigger", "manual"))]


def test_housekeeping_deletes_by_the_clock(app: Flask, fake_clock: FakeClock) -> None:
    add(SetupToken(token_hash="x", created_at=START, expires_at=START + timedelta(hours=1)))
    tasks.housekeeping()
    assert len(all_rows(SetupToken)) == 1
    fake_clock.advance(hours=2)
    tasks.housekeeping()
    assert all_rows(SetupToken) == []
