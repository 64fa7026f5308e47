"""Poll now: asks, answers at once, and shows how it goes."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.support.security.sessions import COOKIE, begin
from tests.web.pages import Browser, words_of
from webapp import create_app, task_queue
from webapp.config import Config
from webapp.models import Connection, PollRun
from webapp.services.polling.outcome import count_words
from webapp.services.transactions import reading, transaction
from webapp.task_queue import QueueStatus, QueueUnavailableError
from webapp.web.operations import dashboard_routes
from webapp.web.operations.dashboard_words import phase_words, progress_words

LEASE = "b" * 32
POLL = "/connections/1/poll"
STATUS = "/connections/1/status"

SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def connection(app: Flask, people: tuple[int, int], fake_clock: FakeClock) -> int:
    with app.app_context():
        return desk_data.add_connection(fake_clock.now())


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What was handed to a queue that works."""
    calls: list[dict[str, object]] = []

    def enqueue_poll(connection_id: int, **options: object) -> bool:
        calls.append({"connection_id": connection_id, **options})
        return True

    status = QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr(task_queue, "enqueue_poll", enqueue_poll)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: status)
    monkeypatch.setattr(dashboard_routes, "read_queue_status", lambda: status)
    return calls


def stored(app: Flask) -> Connection:
    with app.app_context(), reading() as session:
        return session.query(Connection).one()


def run_poll(app: Flask, fake_clock: FakeClock, **values: object) -> None:
    """Let a poll be running."""
    now = fake_clock.now()
    with app.app_context(), transaction() as session:
        connection = session.query(Connection).one()
        connection.lease_token = LEASE
        connection.lease_expires_at = now + timedelta(minutes=2)
        connection.last_poll_started_at = now
        run = session.query(PollRun).filter_by(lease_token=LEASE).one_or_none()
        if run is None:
            run = PollRun(
                connection_id=connection.id,
                lease_token=LEASE,
                trigger="manual",
                state="running",
                started_at=now,
                updated_at=now,
            )
            session.add(run)
        for name, value in values.items():
            setattr(run, name, value)


def finish_poll(app: Flask, fake_clock: FakeClock, **values: object) -> None:
    run_poll(app, fake_clock, finished_at=fake_clock.now(), **{"state": "completed", **values})
    with app.app_context(), transaction() as session:
        connection = session.query(Connection).one()
        connection.lease_token = None
        connection.last_success_at = fake_clock.now()


@pytest.mark.parametrize("person", [ADMIN, HELPDESK])
def test_admin_and_helpdesk_may_ask(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    person: tuple[str, str],
    fake_clock: FakeClock,
) -> None:
    browser = sign_in(person)
    response = browser.post(POLL, on="/")
    assert (response.status_code, response.location) == (303, "/#connection-1")
    assert [call["sweep"] for call in enqueued] == [False]
    assert stored(app).poll_requested_at == fake_clock.now()
    assert stored(app).sweep_requested_at is None
    assert "Waiting for a worker to start the poll" in browser.get("/").text


def test_all_open_incidents_are_looked_at_when_ticked(
    app: Flask, connection: int, enqueued: list[dict[str, object]], sign_in: SignIn
) -> None:
    sign_in(HELPDESK).post(POLL, {"sweep": "yes"}, on="/")
    assert enqueued[0]["sweep"] is True
    assert stored(app).sweep_requested_at is not None


def test_the_card_answers_in_place(
    app: Flask, connection: int, enqueued: list[dict[str, object]], sign_in: SignIn
) -> None:
    browser = sign_in(ADMIN)
    response = browser.send(POLL, {}, headers={"HX-Request": "true"})
    part = browser.fragment_of(response)
    article = part.one("article", id="connection-1")
    assert article.get("hx-trigger") == "every 2s, refresh"
    assert part.one("progress").get("value") is None
    assert not part.all("h1")


def test_progress_is_shown_and_survives_a_reload_in_any_browser(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    browsers = sign_in(ADMIN), sign_in(HELPDESK)
    run_poll(
        app,
        fake_clock,
        phase="processing",
        done=40,
        total=1200,
        waiting="the call window: 12 s left",
        collected=1200,
        created=30,
        noted=10,
    )
    for browser in browsers:
        for _ in range(2):
            page = browser.get("/")
            words = words_of(page.one("article", id="connection-1"))
            assert "Turning reports into tickets · 40 of 1,200" in words
            assert "the call window: 12 s left" in words
            assert "1,200 collected, 30 tickets created, 10 updated" in words
            bar = page.one("progress", aria_label="Turning reports into tickets")
            assert (bar.get("value"), bar.get("max")) == ("40", "1200")
            assert "Syncing" in words


def test_without_javascript_the_page_loads_again_while_a_poll_runs(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    browser = sign_in(ADMIN)
    assert 'http-equiv="refresh"' not in browser.get("/").response.text
    run_poll(app, fake_clock, phase="collecting")
    html = browser.get("/").response.text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html


def test_a_poll_ends_in_words(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    browser = sign_in(ADMIN)
    run_poll(app, fake_clock, phase="processing")
    finish_poll(app, fake_clock, collected=12, created=9, noted=3, api_calls=1, is_sweep=True)
    part = browser.fragment(STATUS)
    words = words_of(part.one("article", id="connection-1"))
    assert "Last poll just now: 12 collected, 9 tickets created, 3 updated" in words
    assert "1 API call, all open incidents looked at" in words
    assert not part.all("progress")


@pytest.mark.parametrize(
    ("state", "words"),
    [("error", "Last poll failed"), ("interrupted", "Last poll was interrupted")],
)
def test_a_poll_that_did_not_end_well_says_so(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
    state: str,
    words: str,
) -> None:
    finish_poll(app, fake_clock, state=state)
    assert words in sign_in(ADMIN).get("/").text


def test_a_run_whose_lease_ran_out_is_not_running(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    run_poll(app, fake_clock, phase="processing")
    fake_clock.advance(minutes=3)
    assert not sign_in(ADMIN).get("/").all("progress", aria_label="Turning reports into tickets")


def test_skips_do_not_hide_the_last_poll(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    with app.app_context():
        desk_data.add_run(1, fake_clock.now())
        desk_data.add_run(
            1, fake_clock.now() + timedelta(minutes=1), state="skipped", collected=0, created=0
        )
    assert "12 collected, 9 tickets created" in sign_in(ADMIN).get("/").text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (QueueStatus(False), "The job queue (Redis) cannot be reached"),
        (QueueStatus(True), "Background worker is not running"),
    ],
)
def test_without_redis_or_a_worker_it_says_so_and_keeps_the_request(
    app: Flask,
    connection: int,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    status: QueueStatus,
    words: str,
) -> None:
    def refuse(*_args: object, **_options: object) -> bool:
        raise QueueUnavailableError("The job queue (Redis) cannot be reached.")

    if not status.is_redis_up:
        monkeypatch.setattr(task_queue, "enqueue_poll", refuse)
    else:
        monkeypatch.setattr(task_queue, "enqueue_poll", lambda *_args, **_options: True)
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: status)
    monkeypatch.setattr(dashboard_routes, "read_queue_status", lambda: status)
    browser = sign_in(ADMIN)
    part = browser.fragment_of(browser.send(POLL, {}, headers={"HX-Request": "true"}))
    assert words in words_of(part.one("article", id="connection-1"))
    assert stored(app).poll_requested_at is not None


def test_a_poll_that_is_refused_says_why(
    app: Flask, connection: int, enqueued: list[dict[str, object]], sign_in: SignIn
) -> None:
    browser = sign_in(ADMIN)
    with app.app_context(), transaction() as session:
        session.query(Connection).one().board_id = None
    response = browser.send(POLL, {})
    assert "Routing is incomplete; still missing: Security board." in browser.get("/").text
    part = browser.fragment_of(browser.send(POLL, {}, headers={"HX-Request": "true"}))
    assert "still missing: Security board" in words_of(part.one("article", id="connection-1"))
    assert response.status_code == 303
    assert not enqueued


def test_an_unknown_connection(
    connection: int, enqueued: list[dict[str, object]], sign_in: SignIn
) -> None:
    browser = sign_in(ADMIN)
    assert browser.send("/connections/77/poll", {}).status_code == 404


def test_a_get_request_polls_nothing(
    app: Flask, connection: int, enqueued: list[dict[str, object]], sign_in: SignIn
) -> None:
    assert sign_in(ADMIN).client.get(POLL).status_code == 405
    assert stored(app).poll_requested_at is None


def counts(**values: int) -> dict[str, int]:
    names = ["collected", "created", "noted", "closed", "reopened", "recorded", "skipped"]
    return {**dict.fromkeys([*names, "failed", "quarantined", "missed_open"], 0), **values}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "0 collected, 0 tickets created, 0 updated"),
        ({"collected": 1, "created": 1}, "1 collected, 1 ticket created, 0 updated"),
        (
            {"collected": 9, "created": 2, "noted": 3, "closed": 1, "reopened": 1, "failed": 4},
            "9 collected, 2 tickets created, 3 updated, 1 closed, 1 reopened, 4 failed",
        ),
        (
            {"quarantined": 2, "missed_open": 1},
            "0 collected, 0 tickets created, 0 updated, 2 quarantined, "
            "1 opened and closed between polls",
        ),
    ],
)
def test_counts_in_words(values: dict[str, int], words: str) -> None:
    assert count_words(counts(**values)) == words


@pytest.mark.parametrize(
    ("phase", "done", "total", "words"),
    [
        ("processing", 40, 1200, "40 of 1,200"),
        ("processing", 50, 40, "40 of 40"),
        ("walking", 3, None, "page 3"),
        ("details", 7, None, "7"),
        ("walking", 0, None, ""),
        (None, 0, 0, ""),
    ],
)
def test_progress_in_words(phase: str | None, done: int, total: int | None, words: str) -> None:
    assert progress_words(phase, done, total) == words


def test_phases_in_words() -> None:
    assert phase_words(None) == "Starting"
    assert phase_words("processing") == "Turning reports into tickets"
    assert phase_words("something_new") == "Something new"


def test_asking_while_a_poll_runs_joins_it(
    app: Flask,
    connection: int,
    enqueued: list[dict[str, object]],
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    run_poll(app, fake_clock, phase="processing", done=40, total=1200)
    browsers = sign_in(ADMIN), sign_in(HELPDESK)
    for browser in browsers:
        part = browser.fragment_of(browser.send(POLL, {}, headers={"HX-Request": "true"}))
        words = words_of(part.one("article", id="connection-1"))
        assert "Turning reports into tickets · 40 of 1,200" in words
        assert "Waiting for a worker" not in words
    assert stored(app).poll_requested_at is None
    with app.app_context(), reading() as session:
        assert session.query(PollRun).count() == 1


@pytest.mark.parametrize("is_listening", [False, True], ids=["gone", "silent"])
def test_a_redis_that_does_not_answer_is_said_within_seconds(
    config: Config, fake_clock: FakeClock, is_listening: bool
) -> None:
    """Nobody listens, or somebody takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"redis://127.0.0.1:{server.getsockname()[1]}"
        if not is_listening:
            server.close()
        app = create_app(replace(config, redis_url=address))
        with app.app_context():
            admin, _helpdesk = desk_data.add_people()
            desk_data.add_connection(fake_clock.now())
            token = begin(admin.id)
        browser = Browser(app)
        browser.client.set_cookie(COOKIE, token)
        began = time.monotonic()
        response = browser.client.post(
            POLL, data={"csrf_token": csrf_token(browser)}, headers={"HX-Request": "true"}
        )
        assert time.monotonic() - began < 15
    words = words_of(browser.fragment_of(response).one("article", id="connection-1"))
    assert "The job queue (Redis) cannot be reached; the poll starts as soon as it is" in words
    assert stored(app).poll_requested_at == fake_clock.now()


def csrf_token(browser: Browser) -> str:
    """From a page that does not ask the queue."""
    html = browser.client.get("/preferences").text
    return re.findall(r'name="csrf_token" value="([^"]+)"', html)[0]
