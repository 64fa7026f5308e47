"""Pictures of the pages, for the README and the documentation.

    python -m tests.browser.screenshots OUTDIR [--all]

Writes the few pictures the documents show; with `--all` also every page narrow and wide, light and
dark, and the states that are rare, to look at. The desk in them is seeded, nothing is real.
Each module of `tests/browser/pictures` adds those of its area: `document_pictures()` and
`all_pictures()`.
"""

import argparse
import importlib
import logging
import pkgutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from tests.browser import pictures
from tests.browser.chromium import open_browser
from tests.browser.live_server import LiveServer
from tests.support import desk_data
from tests.support.databases import make_config, migrate_database
from webapp import clock, create_app
from webapp.models import Connection, Ticket
from webapp.services.operations import read_banner
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.transactions import reading, transaction
from webapp.task_queue import QueueStatus
from webapp.web.operations import dashboard_routes

WIDE = (1440, 900)
NARROW = (390, 844)
LEASE = "f" * 32


@dataclass(frozen=True)
class Picture:
    """One page to be shown; `whole` pictures go on below the window's edge."""

    name: str
    path: str
    scheme: str = "light"
    size: tuple[int, int] = WIDE
    whole: bool = False


@contextmanager
def served_desk(is_filled: bool = True) -> Iterator[tuple[Flask, str]]:
    """A server with a desk of its own; yields the app and the address."""
    with tempfile.TemporaryDirectory() as folder:
        config = make_config(Path(folder))
        migrate_database(config)
        app = create_app(config)
        with app.app_context():
            if is_filled:
                desk_data.fill_desk(clock.utcnow())
        server = LiveServer(app).start()
        try:
            yield app, server.url
        finally:
            server.stop()


def sign_in(page: Page, url: str, person: tuple[str, str] = desk_data.ADMIN) -> None:
    """Sign in through the page."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(person[0])
    page.get_by_label("Password").fill(desk_data.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()


def take(browser: Browser, url: str, pictures: list[Picture], folder: Path) -> None:
    """Take the pictures of somebody who is signed in."""
    for look in {(picture.scheme, picture.size) for picture in pictures}:
        scheme, (width, height) = look
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = context.new_page()
        sign_in(page, url)
        for picture in pictures:
            if (picture.scheme, picture.size) == look:
                page.goto(url + picture.path)
                shoot(page, folder, picture.name, whole=picture.whole)
        context.close()


def shoot(page: Page, folder: Path, name: str, *, whole: bool = False) -> None:
    """Write one picture."""
    page.screenshot(path=folder / f"{name}.png", full_page=whole)


def set_connection(app: Flask, **values: object) -> None:
    """Change columns of every connection."""
    with app.app_context(), transaction() as session:
        session.execute(update(Connection).values(**values))


def ticket_path(app: Flask, *, is_unmapped: bool) -> str:
    """The page of the newest open ticket that somebody works on."""
    with app.app_context(), reading() as session:
        ticket = (
            session.query(Ticket)
            .filter(
                Ticket.is_unmapped == is_unmapped,
                Ticket.first_touched_at.is_not(None),
                Ticket.closed_at.is_(None),
            )
            .order_by(Ticket.id.desc())
            .first()
        )
        return f"/tickets/{ticket.id}"


def poll_is_running(app: Flask) -> None:
    """Let a poll be half-way through."""
    now = clock.utcnow()
    set_connection(
        app,
        lease_token=LEASE,
        lease_expires_at=now + timedelta(minutes=2),
        last_poll_started_at=now - timedelta(seconds=40),
    )
    with app.app_context():
        desk_data.add_run(
            1,
            now,
            lease_token=LEASE,
            state="running",
            phase="processing",
            done=120,
            total=312,
            waiting="waiting for the call window: 14 s left",
            finished_at=None,
            collected=312,
            created=96,
            noted=24,
        )


def document_pictures(browser: Browser, folder: Path) -> None:
    """The pictures the README and the documentation show."""
    all_well = QueueStatus(True, has_worker=True, has_scheduler=True)
    for area in areas():
        area.document_pictures(browser, folder)
    with (
        patch.object(dashboard_routes, "read_queue_status", lambda: all_well),
        served_desk() as (app, url),
    ):
        wanted = [
            Picture("dashboard", "/"),
            Picture("dashboard-dark", "/", "dark"),
            Picture("tickets", "/tickets"),
            Picture("ticket", ticket_path(app, is_unmapped=False)),
            Picture("ticket-narrow", ticket_path(app, is_unmapped=True), "dark", NARROW),
        ]
        take(browser, url, wanted, folder)


def every_look(name: str, path: str) -> list[Picture]:
    """One page wide and narrow, light and dark."""
    return [
        Picture(f"{name}-{scheme}-{label}", path, scheme, size, whole=True)
        for scheme in ("light", "dark")
        for size, label in ((WIDE, "wide"), (NARROW, "narrow"))
    ]


def areas() -> list[ModuleType]:
    """The modules that know the pictures of one area of the product."""
    names = sorted(module.name for module in pkgutil.iter_modules(pictures.__path__))
    return [importlib.import_module(f"tests.browser.pictures.{name}") for name in names]


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page in every look, and the rare states."""
    for area in areas():
        area.all_pictures(browser, folder)
    with served_desk() as (app, url):
        paths = {
            "dashboard": "/",
            "tickets": "/tickets",
            "filtered": "/tickets?triage=1&q=incident&sort=oldest",
            "none-found": "/tickets?q=nothing-like-it",
            "closed": "/tickets?state=closed",
            "ticket": ticket_path(app, is_unmapped=False),
            "triage": ticket_path(app, is_unmapped=True),
            "preferences": "/preferences",
            "missing": "/nowhere",
        }
        shown = [picture for name, path in paths.items() for picture in every_look(name, path)]
        take(browser, url, shown, folder)
        rare_states(browser, app, url, folder)
    empty_states(browser, folder)


def rare_states(browser: Browser, app: Flask, url: str, folder: Path) -> None:
    """Connections that run, wait, fail or are incomplete."""
    now = clock.utcnow()
    error = (
        "Huntress answered 401: the API key or secret is wrong. Replace the credentials of this"
        " connection."
    )
    poll_is_running(app)
    take(browser, url, [Picture("running", "/"), Picture("running-n", "/", "dark", NARROW)], folder)
    set_connection(app, lease_token=None, poll_requested_at=now, sweep_requested_at=now)
    take(browser, url, [Picture("queued", "/")], folder)
    set_connection(app, poll_requested_at=None, last_error=error, last_error_at=now)
    take(browser, url, [Picture("error", "/"), Picture("error-n", "/", "dark", NARROW)], folder)
    set_connection(app, last_error=None, board_id=None, critical_priority_id=None)
    take(browser, url, [Picture("incomplete", "/")], folder)
    with app.app_context():
        desk_data.add_connection(now, name="Fernhill IT", account_id=7, paused_at=now)
        desk_data.add_connection(
            now, name="Oldbridge", account_id=8, polling_started_at=None, last_success_at=None
        )
    take(browser, url, [Picture("several", "/", whole=True)], folder)


def empty_states(browser: Browser, folder: Path) -> None:
    """A new install: setup, sign-in, nothing connected."""
    with served_desk(is_filled=False) as (app, url):
        with app.app_context():
            token = issue_setup_token()
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        shoot(page, folder, "setup")
        page.get_by_role("button", name="Create admin").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, "setup-errors")
        page.get_by_label("Setup token").fill(str(token))
        page.get_by_label("Your name").fill(desk_data.ADMIN[1])
        page.get_by_label("E-mail address").fill(desk_data.ADMIN[0])
        page.get_by_label("Password").fill(desk_data.PASSWORD)
        page.get_by_role("button", name="Create admin").click()
        page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
        shoot(page, folder, "new-install")
        page.goto(f"{url}/tickets")
        shoot(page, folder, "no-tickets")
        page.locator("details.app-person summary").click()
        shoot(page, folder, "menu")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, "sign-in-errors")
        page.close()


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every page and state, to look at")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    all_well = QueueStatus(True, has_worker=True, has_scheduler=True)
    with (
        patch.object(read_banner, "recent_queue_status", lambda: all_well),
        open_browser() as browser,
    ):
        (all_pictures if options.all else document_pictures)(browser, options.folder)


if __name__ == "__main__":
    main()
