"""The banner: on every page, for everybody, wherever polling is not well; and what monitors ask."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from xml.etree.ElementTree import Element

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.polling import counted_statements
from tests.support.rows import change
from tests.support.waiting import wait_until
from tests.web.pages import Browser, words_of
from webapp.extensions import db
from webapp.models import Connection
from webapp.services.operations import read_banner, watch_queue
from webapp.services.operations.watch_queue import QueueWatch
from webapp.services.watch.other_watchers import record_round
from webapp.task_queue import QueueStatus

SignIn = Callable[[tuple[str, str]], Browser]
SetConnection = Callable[..., None]
LATE = timedelta(hours=26)
PAGES = ("/", "/tickets", "/tickets/1", "/incidents", "/preferences", "/health", "/clients")


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A queue in which all is well, unless a test says otherwise."""

    def _queue(*, redis: bool = True, worker: bool = True, scheduler: bool = True) -> None:
        status = QueueStatus(redis, has_worker=worker, has_scheduler=scheduler)
        monkeypatch.setattr(read_banner, "recent_queue_status", lambda: status)

    _queue()
    return _queue


@pytest.fixture
def set_connection(app: Flask, desk: Desk) -> SetConnection:
    """Changes columns of the connection."""

    def _set(**values: object) -> None:
        with app.app_context():
            change(Connection, desk.connection_id, **values)

    return _set


@pytest.fixture
def stop(set_connection: SetConnection, fake_clock: FakeClock) -> Callable[[], None]:
    """Lets the last poll be more than a day old, without an error."""

    def _stop() -> None:
        then = fake_clock.now() - LATE
        set_connection(last_poll_started_at=then, last_success_at=then)

    return _stop


def banner(browser: Browser, path: str = "/tickets") -> str:
    return words_of(browser.get(path).one("div", data_announce="polling-banner"))


def test_while_all_is_well_there_is_none(admin: Browser) -> None:
    page = admin.get("/tickets")
    assert banner(admin) == ""
    part = page.one("div", id="polling-banner")
    assert (part.get("hx-get"), part.get("hx-trigger")) == ("/polling-banner", "every 10s")
    assert page.one("div", id="polling-banner").find("div").get("hidden") is not None


def test_silence_shows_on_every_page(admin: Browser, stop: Callable[[], None]) -> None:
    stop()
    for path in PAGES:
        words = banner(admin, path)
        assert words.startswith("Tallow & Reed Managed IT: A poll has been due since"), path
        assert "none has begun. Nothing has been looked at since." in words
        assert "triagedesk up" in words
    admin.get("/tickets").one("a", id="banner-connection-1", href="/health")
    part = admin.fragment("/polling-banner")
    assert words_of(part.one("div", data_announce="polling-banner")) == banner(admin)


def test_a_page_that_tells_it_itself_does_not_show_it_twice(
    admin: Browser, stop: Callable[[], None], queue: Callable[..., None]
) -> None:
    stop()
    queue(worker=False)
    shown = {
        "/tickets": ["No worker is running", "A poll has been due"],
        "/integrations/huntress/1": ["No worker is running"],
        "/": ["No worker is running"],
        "/health": [],
    }
    for path, words in shown.items():
        part = admin.get(path).one("div", id="polling-banner")
        again = admin.fragment(str(part.get("hx-get")))
        for one in (part, again.one("div", id="polling-banner")):
            lines = visible_lines(one)
            assert len(lines) == len(words), path
            for line, beginning in zip(lines, words, strict=True):
                assert beginning in line
    assert "A poll has been due" in words_of(admin.get("/").one("article", id="connection-1"))


def visible_lines(banner: Element) -> list[str]:
    """The lines of the banner that are shown, without the one for a server that is silent."""
    said = next(one for one in banner.iter("div") if one.get("data-announce"))
    notice = said.find("div")
    assert notice is not None
    if notice.get("hidden") is not None:
        return []
    box = notice.find("div")
    assert box is not None
    return [words_of(line) for line in box.findall("div") if line.get("hidden") is None]


def test_helpdesk_get_no_links_that_they_cannot_open(
    helpdesk: Browser, stop: Callable[[], None], queue: Callable[..., None]
) -> None:
    stop()
    queue(worker=False)
    words = banner(helpdesk)
    assert words.startswith("No worker is running: nothing can be polled. Please tell an admin.")
    assert "none has begun. Nothing has been looked at since. Please tell an admin." in words
    assert not helpdesk.get("/tickets").one("div", id="polling-banner").findall(".//a")


def test_overdue_is_said_alike_in_all_places(
    app: Flask, admin: Browser, visitor: Browser, stop: Callable[[], None]
) -> None:
    stop()
    sentence = "A poll has been due since"
    for path in ("/", "/integrations", "/integrations/huntress/1"):
        page = admin.get(path)
        assert page.text.count(sentence) == 2, path
        assert "Overdue" in page.text
        assert "Working" not in page.text
    assert "Connected to" not in admin.get("/").text
    assert "Connection 1 (Tallow & Reed Managed IT) needs attention" in admin.get("/health").text
    answer = visitor.client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not well")


def test_a_pause_is_never_green_and_says_who_and_why(
    app: Flask,
    admin: Browser,
    helpdesk: Browser,
    visitor: Browser,
    desk: Desk,
    set_connection: SetConnection,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_connection(
        paused_at=fake_clock.now() - timedelta(days=1),
        paused_by_id=desk.admin_id,
        pause_reason="vendor migration",
        paused_until=fake_clock.now() + timedelta(hours=1),
    )
    sentence = (
        "Paused since Monday 12:00 UTC by Ada Okafor: vendor migration. Nothing has been looked at"
        " since. Polling resumes by itself on Tuesday 13:00 UTC."
    )
    for browser, path in ((admin, "/"), (helpdesk, "/"), (admin, "/integrations")):
        page = browser.get(path)
        assert page.text.count(sentence) == 2, path
        assert not page.one("main").findall(".//*[@class='connection-symbol tone-green']")
    assert banner(admin).endswith("Tuesday 13:00 UTC. Resume polling")
    assert banner(helpdesk).endswith("Tuesday 13:00 UTC.")
    status = QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr("webapp.services.operations.read_health.read_queue_status", lambda: status)
    with app.app_context():
        record_round(fake_clock.now(), fake_clock.now())
    page = admin.get("/health")
    assert "Everything works" not in page.text
    assert "Nothing is broken, but polling is stopped. Connection 1" in page.text
    assert page.text.count(sentence) == 2
    assert visitor.client.get("/readyz").text == "ok"


def test_a_pause_that_has_ended_hides_no_silence(
    admin: Browser, set_connection: SetConnection, stop: Callable[[], None], fake_clock: FakeClock
) -> None:
    stop()
    now = fake_clock.now()
    set_connection(paused_at=now - timedelta(hours=1), paused_until=now + timedelta(minutes=1))
    assert "Paused since" in banner(admin)
    fake_clock.advance(minutes=6)
    assert banner(admin) == "", "its poll is due, and not late yet"
    fake_clock.advance(minutes=1)
    assert "A poll has been due since Tuesday 12:01 UTC and none has begun" in banner(admin)


def test_a_disconnected_account_stays_in_sight_until_it_is_acknowledged(
    admin: Browser, set_connection: SetConnection, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    set_connection(disconnected_at=now, api_key=None, api_secret=None)
    assert "Disconnected since Tuesday 12:00 UTC. Nothing has been looked at" in banner(admin)
    set_connection(disconnect_acknowledged_at=now)
    assert banner(admin) == ""
    page = admin.get("/health")
    assert "Everything works" not in page.text
    assert "Acknowledged" in page.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"redis": False}, "The job queue (Redis) cannot be reached."),
        ({"worker": False}, "No worker is running: nothing can be polled."),
        ({"scheduler": False}, "No scheduler is running: connections are not polled on schedule."),
    ],
)
def test_what_keeps_everything_from_being_polled(
    admin: Browser,
    queue: Callable[..., None],
    set_connection: SetConnection,
    fake_clock: FakeClock,
    state: dict[str, bool],
    words: str,
) -> None:
    queue(**state)
    assert banner(admin).startswith(words)
    admin.get("/tickets").one("a", id="banner-health")
    set_connection(paused_at=fake_clock.now())
    assert words not in banner(admin)


def test_without_redis_on_purpose_nothing_warns(
    app: Flask,
    admin: Browser,
    desk: Desk,
    queue: Callable[..., None],
    set_connection: SetConnection,
    fake_clock: FakeClock,
) -> None:
    now = fake_clock.now()
    queue(redis=False)
    with app.app_context():
        desk_data.add_run(desk.connection_id, now, trigger="timer")
    assert banner(admin) == ""
    assert "Redis is not in use Not needed: a timer polls here" in admin.get("/health").text
    assert "Redis) cannot be reached" not in admin.get("/integrations/huntress/1").text
    set_connection(polling_started_at=now - LATE)
    admin.send("/connections/1/poll", {})
    card = words_of(admin.get("/").one("article", id="connection-1"))
    assert "Waiting for the timer’s next poll" in card
    assert "Background worker" not in card
    fake_clock.advance(minutes=12)
    assert "timer that calls triagedesk poll --due" in banner(admin)
    fake_clock.advance(minutes=9)
    assert "Redis" in banner(admin)
    with app.app_context():
        desk_data.add_run(desk.connection_id, fake_clock.now(), trigger="schedule")
    set_connection(last_poll_started_at=fake_clock.now())
    assert banner(admin).startswith("The job queue (Redis) cannot be reached.")


def test_of_several_the_worst_comes_first_and_few_are_shown(
    app: Flask, admin: Browser, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        for number, values in enumerate(
            ({"paused_at": now}, {"board_id": None}, {"last_error": "No.", "last_error_at": now}), 1
        ):
            desk_data.add_connection(now, name=f"Nr {number}", account_id=number, **values)
    words = banner(admin)
    assert words.startswith("Nr 3: Last poll failed: No.")
    assert "Nr 1: Paused since" in words
    assert words.endswith("1 more connection")


def test_whoever_was_signed_out_keeps_the_page(visitor: Browser, stop: Callable[[], None]) -> None:
    stop()
    part = visitor.fragment("/polling-banner")
    words = words_of(part.one("div", data_announce="polling-banner"))
    assert words.startswith("You have been signed out. What you typed is still here")
    assert "HX-Refresh" not in part.response.headers


def test_the_given_name_is_used_everywhere(
    app: Flask, admin: Browser, set_connection: SetConnection
) -> None:
    set_connection(name="Our north", account_name="ACME MSP INC")
    for path in ("/", "/integrations", "/health", "/integrations/huntress/1/polls", "/tickets/1"):
        text = admin.get(path).text
        assert "Our north" in text, path
        assert "ACME MSP INC" not in text, path
    overview = admin.get("/integrations/huntress/1")
    assert overview.heading == "Our north"
    assert "Huntress account ACME MSP INC" in overview.text
    assert "Connected to Our north" in overview.text


def test_the_community_edition_follows_everywhere(
    app: Flask, sign_in: SignIn, visitor: Browser, stop: Callable[[], None]
) -> None:
    stop()
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    sentence = "The Huntress security integration is an Enterprise feature."
    browser = sign_in(ADMIN)
    page = browser.get("/")
    card = words_of(page.one("article", id="connection-1"))
    assert "Not available" in card
    assert f"{sentence} Poll now" in card
    assert page.one("button", id="connection-1-poll").get("disabled") is not None
    assert "Next poll not scheduled" in card
    assert "verdue" not in card
    assert banner(browser) == ""
    assert visitor.client.get("/readyz").status_code == 200
    assert sentence in browser.get("/incidents", status=400).text
    assert not browser.get("/").all("a", href="/incidents")
    assert "Connection 1 (Tallow & Reed Managed IT) is not in use" in browser.get("/health").text
    assert "Not available" in browser.get("/integrations").text
    assert sentence in sign_in(HELPDESK).get("/incidents", status=400).text


def test_it_costs_one_statement(app: Flask, admin: Browser, monkeypatch: object) -> None:
    with app.app_context():
        with counted_statements() as with_banner:
            admin.get("/preferences")
        assert len([one for one in with_banner if "FROM connections" in one]) == 1


def test_a_database_that_is_away_takes_nothing_else_with_it(
    app: Flask, admin: Browser, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE poll_runs RENAME TO gone")
    assert banner(admin, "/preferences") == ""
    assert visitor.client.get("/readyz").status_code == 503
    assert visitor.client.head("/readyz").status_code == 503


def test_ready_only_asks_for_what_was_started(
    visitor: Browser, set_connection: SetConnection, fake_clock: FakeClock
) -> None:
    assert visitor.client.get("/readyz").text == "ok"
    set_connection(last_error="Huntress answered 401.", last_error_at=fake_clock.now())
    answer = visitor.client.get("/readyz")
    assert (answer.status_code, answer.text, answer.mimetype) == (503, "not well", "text/plain")
    assert "Set-Cookie" not in answer.headers
    assert visitor.client.get("/healthz").status_code == 200
    set_connection(polling_started_at=None)
    assert visitor.client.get("/readyz").status_code == 200


def test_a_queue_that_does_not_answer_holds_no_page_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    goes_on = threading.Event()

    def hang() -> QueueStatus:
        asked.append(time.monotonic())
        goes_on.wait(30)
        return QueueStatus(False)

    monkeypatch.setattr(watch_queue, "read_queue_status", hang)
    watch = QueueWatch()
    began = time.monotonic()
    assert [watch.status() for _ in range(5)] == [None] * 5
    assert time.monotonic() - began < 10
    assert len(asked) == 1
    goes_on.set()
    assert wait_until(lambda: watch.status() == QueueStatus(False))
    monkeypatch.setattr(watch_queue, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(watch_queue, "read_queue_status", lambda: QueueStatus(True))
    assert watch.status() == QueueStatus(True)


def test_the_version_stands_on_every_page_of_those_who_signed_in(
    admin: Browser, visitor: Browser
) -> None:
    from webapp import __version__

    assert words_of(admin.get("/tickets").one("footer")) == f"Triagedesk {__version__}"
    assert __version__ in words_of(admin.get("/health").one("p", class_="page-sub"))
    assert __version__ not in visitor.get("/sign-in").text
