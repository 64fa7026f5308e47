"""Pictures of the dashboard: its queues and figures, many connections, nothing yet."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import delete, func, update

from tests.browser.screenshots import NARROW, WIDE, Picture, every_look, served_desk, sign_in, take
from tests.support import desk_data
from webapp import clock
from webapp.models import Alert, Comment, Connection, Ticket
from webapp.services.transactions import transaction
from webapp.task_queue import QueueStatus
from webapp.web.operations import dashboard_routes

ALL_WELL = QueueStatus(True, has_worker=True, has_scheduler=True)


def document_pictures(browser: Browser, folder: Path) -> None:
    """The documents show pictures of the whole desk; see screenshots.py."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Figures in every look, tables open, several connections, and an idle desk."""
    with (
        patch.object(dashboard_routes, "read_queue_status", lambda: ALL_WELL),
        served_desk() as (app, url),
    ):
        polling_started_long_ago(app)
        take(browser, url, every_look("figures", "/"), folder)
        opened_tables(browser, url, folder)
        several_connections(app)
        take(browser, url, every_look("many-connections", "/"), folder)
        nothing_lately(app)
        take(browser, url, [Picture("figures-idle", "/", whole=True)], folder)
        nothing_at_all(app)
        take(browser, url, [Picture("no-tickets-yet", "/", whole=True)], folder)


def polling_started_long_ago(app: Flask) -> None:
    """So that all the tickets count for the times."""
    with app.app_context(), transaction() as session:
        started = clock.utcnow() - timedelta(days=90)
        session.execute(update(Connection).values(polling_started_at=started))


def opened_tables(browser: Browser, url: str, folder: Path) -> None:
    """The numbers beside the drawings."""
    for name, scheme, (width, height) in (("w", "light", WIDE), ("n", "dark", NARROW)):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = context.new_page()
        sign_in(page, url)
        for summary in page.locator("details.chart-data summary").all():
            summary.click()
        page.screenshot(path=folder / f"figures-tables-{name}.png", full_page=True)
        context.close()


def several_connections(app: Flask) -> None:
    """One that fails, one that is paused, one that was not started, one that is well."""
    now = clock.utcnow()
    with app.app_context():
        desk_data.add_connection(
            now,
            name="Fernhill IT",
            account_id=7,
            last_error="Huntress answered 401: the API key or secret is wrong.",
            last_error_at=now,
        )
        desk_data.add_connection(now, name="Oldbridge Systems", account_id=8, paused_at=now)
        desk_data.add_connection(now, name="Northgate", account_id=9)
        desk_data.add_connection(
            now, name="Zeta", account_id=10, polling_started_at=None, last_success_at=None
        )


def nothing_lately(app: Flask) -> None:
    """All that happened is long ago, and closed."""
    long_ago = clock.utcnow() - timedelta(days=200)
    with app.app_context(), transaction() as session:
        closed = session.query(func.max(Ticket.status_id)).scalar()
        session.execute(
            update(Ticket).values(
                status_id=closed, created_at=long_ago, first_touched_at=long_ago, closed_at=long_ago
            )
        )
        session.execute(update(Alert).values(triggered_at=long_ago))


def nothing_at_all(app: Flask) -> None:
    """A connection that has not brought anything yet."""
    with app.app_context(), transaction() as session:
        for model in (Comment, Alert, Ticket):
            session.execute(delete(model))
