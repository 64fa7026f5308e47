"""Every state in which polling is not well: what each page says then, and never that all is well.

With `TEST_PICTURES` set to a folder, a picture of each state is put there, to look at.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import make_url, text

from tests.support.desk_data import ADMIN, PASSWORD, Desk
from tests.support.rows import change
from webapp import clock
from webapp.config import Config
from webapp.extensions import SQLITE_PRAGMAS
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.models import Connection, WatcherRound
from webapp.services.operations import read_banner, read_health
from webapp.services.transactions import transaction
from webapp.task_queue import PartStatus, QueueStatus
from webapp.web.connections import overview
from webapp.web.operations import dashboard_routes

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

PICTURES = os.environ.get("TEST_PICTURES")
CONNECTION = "/integrations/huntress/1"
PLACES = {
    "dashboard": "/",
    "card": CONNECTION,
    "health": "/health",
    "integrations": "/integrations",
}
LOOKS = {"wide": ("light", 1440, 900), "phone": ("dark", 390, 844)}
WELL = QueueStatus(True, has_worker=True, has_scheduler=True)
REFUSED = HuntressError(ErrorKind.UNAUTHORIZED).sentence
GREEN = ("Everything works", "Nothing is wrong.")


@dataclass(frozen=True)
class Ill:
    """A state: what the connection and the queue are, what every page says, what some say too.

    Health says `health` where it has words of its own.
    """

    words: str
    values: dict[str, Any]
    card: str = ""
    badge: str = ""
    queue: QueueStatus = WELL
    has_banner: bool = True
    health: str = ""


def ago(**step: float) -> datetime:
    return clock.utcnow() - timedelta(**step)


def ill_states() -> dict[str, Ill]:
    """The states by name."""
    paused = {
        "paused_at": ago(hours=26),
        "paused_by_id": 1,
        "pause_reason": "the MSP moves to another tenant",
        "paused_until": clock.utcnow() + timedelta(hours=20),
    }
    gone = {
        "disconnected_at": ago(hours=3),
        "disconnected_by_id": 1,
        "api_key": None,
        "api_secret": None,
    }
    return {
        "overdue": Ill(
            "A poll has been due since",
            {"last_poll_started_at": ago(hours=25), "last_success_at": ago(hours=25)},
            badge="Overdue",
        ),
        "refused": Ill(
            f"Last poll failed: {REFUSED}",
            {"last_error": REFUSED, "last_error_at": ago(minutes=1)},
            card="Replace credentials",
            badge="Error",
        ),
        "unreadable": Ill(
            "Credentials can't be read: enter them again.",
            {},
            card="Replace credentials",
            badge="Error",
        ),
        "paused": Ill(
            "the MSP moves to another tenant. Nothing has been looked at since.",
            paused,
            card="Resume",
            badge="Paused",
        ),
        "disconnected": Ill(
            "Nothing has been looked at since.", gone, card="Connect again", badge="Disconnected"
        ),
        "acknowledged": Ill(
            "Acknowledged by Ada Okafor",
            {
                **gone,
                "disconnect_acknowledged_at": ago(hours=1),
                "disconnect_acknowledged_by_id": 1,
            },
            badge="Disconnected",
            has_banner=False,
        ),
        "no-worker": Ill(
            "No worker is running: nothing can be polled.",
            {},
            badge="Not polled",
            queue=replace(WELL, has_worker=False),
            health="No worker has reported for 15 seconds.",
        ),
        "no-scheduler": Ill(
            "No scheduler is running: connections are not polled on schedule.",
            {},
            badge="Not polled",
            queue=replace(WELL, has_scheduler=False),
            health="No scheduler has reported for 15 seconds.",
        ),
        "no-redis": Ill(
            "The job queue (Redis) cannot be reached.",
            {},
            badge="Not polled",
            queue=QueueStatus(False),
            health="It cannot be reached.",
        ),
        "no-routing": Ill(
            "Missing: Security board",
            {"board_id": None},
            card="Complete the routing configuration",
            badge="Routing incomplete",
        ),
    }


@pytest.fixture
def page_of(
    app: Flask, desk: Desk, open_page: Callable[..., Page], sign_in: Callable[..., None]
) -> Callable[[str], Page]:
    """Opens the pages of an admin in one of the looks, once for each."""
    pages: dict[str, Page] = {}

    def _page(look: str) -> Page:
        if look not in pages:
            scheme, width, height = LOOKS[look]
            pages[look] = open_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )
            sign_in(pages[look], ADMIN)
        return pages[look]

    return _page


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> Callable[[QueueStatus], None]:
    """A queue in which all is well until the test says otherwise; nobody waits for the database."""
    monkeypatch.setitem(SQLITE_PRAGMAS, "busy_timeout", "200")

    def _queue(status: QueueStatus) -> None:
        monkeypatch.setattr(read_banner, "recent_queue_status", lambda: status)
        for module in (read_health, overview, dashboard_routes):
            monkeypatch.setattr(module, "read_queue_status", lambda: status)

    _queue(WELL)
    return _queue


@pytest.fixture(autouse=True)
def watcher(app: Flask) -> None:
    """A watcher that completes its rounds; it is not what is ill here."""
    now = clock.utcnow()
    with app.app_context(), transaction() as session:
        completed_at = now + timedelta(minutes=10)  # for as long as a test takes
        session.add(WatcherRound(machine="host-a", began_at=now, completed_at=completed_at))


def take_picture(page: Page, name: str) -> None:
    """Put a picture of the whole page where the environment says, if it says so."""
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def lose_key(app: Flask) -> None:
    """The stored key fits no encryption key any more."""
    with app.app_context(), transaction() as session:
        session.execute(text("UPDATE connections SET api_key = 'not encrypted'"))


def read_pages(page: Page, name: str, look: str, paths: dict[str, str]) -> dict[str, str]:
    """The words of each page."""
    words = {}
    for place, path in paths.items():
        page.goto(path)
        take_picture(page, f"{name}-{place}-{look}")
        words[place] = page.locator("body").inner_text()
    return words


@pytest.mark.parametrize("name", ill_states())
def test_no_page_says_that_all_is_well(
    app: Flask,
    desk: Desk,
    page_of: Callable[[str], Page],
    queue: Callable[[QueueStatus], None],
    name: str,
) -> None:
    ill = ill_states()[name]
    with app.app_context():
        change(Connection, desk.connection_id, **ill.values)
    if name == "unreadable":
        lose_key(app)
    queue(ill.queue)
    for look in LOOKS if PICTURES else ["wide"]:
        page = page_of(look)
        words = read_pages(page, name, look, PLACES)
        is_green = [one for one in GREEN for seen in words.values() if one in seen]
        assert bool(is_green) != ill.has_banner, words
        for place in ("dashboard", "card", "health") if ill.has_banner else ("card", "health"):
            said = ill.health if place == "health" and ill.health else ill.words
            assert said in words[place], (place, words[place])
        assert (page.locator("#polling-banner .notice:visible").count() > 0) == ill.has_banner
        for place in ("dashboard", "card"):
            assert ill.card in words[place], (place, words[place])
            assert ill.badge in words[place], (place, words[place])
            assert not ill.badge or "Working" not in words[place], (place, words[place])


DEAD = PartStatus("worker", "host-b", 240)
HUNG = PartStatus("worker", "host-a", 2, "it hung and was started again at 2026-11-29 08:00 UTC")


@pytest.mark.parametrize(
    ("name", "values", "parts", "words"),
    [
        ("dead-machine", {}, (DEAD,), "It has not reported for 4 minutes."),
        ("hung-part", {}, (HUNG,), "on host-a it hung and was started again"),
        ("other-clock", {"huntress_skew_seconds": 600}, (), "The time here is"),
    ],
)
def test_what_health_alone_tells(
    app: Flask,
    desk: Desk,
    page_of: Callable[[str], Page],
    queue: Callable[[QueueStatus], None],
    name: str,
    values: dict[str, Any],
    parts: tuple[PartStatus, ...],
    words: str,
) -> None:
    """Polls go on; a part that was started again is well."""
    with app.app_context():
        change(Connection, desk.connection_id, **values)
    queue(replace(WELL, parts=parts))
    for look in LOOKS if PICTURES else ["wide"]:
        page = page_of(look)
        said = read_pages(page, name, look, PLACES)
        assert words in said["health"]
        is_green = any(one in said["health"] for one in GREEN)
        assert is_green is (name == "hung-part")
        assert page.locator("#polling-banner .notice:visible").count() == 0


def test_an_edition_without_the_integration(app: Flask, page_of: Callable[[str], Page]) -> None:
    config = app.extensions["triagedesk_config"]
    page_of("wide"), page_of("phone")
    app.extensions["triagedesk_config"] = replace(config, edition="community")
    for look in LOOKS:
        words = read_pages(page_of(look), "community", look, PLACES)
        assert not [one for one in words.values() if "Working" in one or "Settings" in one.split()]
        assert "Enterprise feature" in words["integrations"]


@pytest.mark.parametrize("look", LOOKS)
def test_a_database_that_takes_no_write_and_a_server_that_is_gone(
    config: Config, page_of: Callable[[str], Page], open_page: Callable[..., Page], look: str
) -> None:
    page = page_of(look)
    scheme, width, height = LOOKS[look]
    visitor = open_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto("/tickets/1")
    page.get_by_label("Add internal note").fill("Called the office manager.")
    with closing(sqlite3.connect(make_url(config.database_url).database)) as other:
        other.execute("BEGIN IMMEDIATE")
        visitor.goto("/sign-in")
        visitor.get_by_label("E-mail address").fill(ADMIN[0])
        visitor.get_by_label("Password").fill(PASSWORD)
        visitor.get_by_role("button", name="Sign in").click()
        title = "The database cannot be used just now"
        expect(visitor.get_by_role("heading", name=title)).to_be_visible()
        take_picture(visitor, f"locked-sign-in-{look}")
        page.get_by_role("button", name="Add note").click()
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        take_picture(page, f"locked-note-{look}")
        read_pages(page, "locked", look, PLACES)
    page.goto("/tickets")
    page.route("**/polling-banner", lambda route: route.fulfill(status=418))
    expect(page.locator("[data-no-answer]")).to_be_visible()
    take_picture(page, f"server-gone-{look}")
