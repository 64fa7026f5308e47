"""Pictures of the Integrations page and of a Huntress connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import update

from tests.browser.screenshots import (
    NARROW,
    WIDE,
    Picture,
    every_look,
    served_desk,
    set_connection,
    shoot,
    sign_in,
    take,
)
from tests.support import desk_data
from tests.support.poller import allow_host
from webapp import clock
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Board, Category, Client, Connection
from webapp.services.connections.connect_account import connect_account
from webapp.services.transactions import transaction
from webapp.task_queue import QueueStatus
from webapp.web.connections import overview

PAGE = "/integrations/huntress/1"
PREVIEW = f"{PAGE}/preview"


@contextmanager
def new_connection() -> Iterator[tuple[Flask, str]]:
    """A desk on which the simulated account was connected just now."""
    account = SimulatedAccount.demo(now=clock.utcnow())
    with served_desk(is_filled=False) as (app, url), Simulator(account) as simulator:
        allow_host(app, simulator.base_url)
        names = [str(row["name"]) for row in account.organization_rows.values()]
        with app.app_context():
            desk_data.add_people()
            with transaction() as session:
                session.add_all([Client(name=name) for name in names[:8]])
            connect_account(
                name="", base_url=simulator.base_url, api_key="hk_demo", api_secret="hs_demo"
            )
        yield app, url


def route(app: Flask) -> None:
    """Complete the routing."""
    set_connection(app, board_id=1, fallback_board_id=2, fallback_client_id=1)


def add_categories(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        incident = Category(name="Security incident", board_id=1)
        session.add_all([incident, Category(name="Hardware", board_id=3)])
        session.flush()
        session.add(Category(name="Endpoint", board_id=1, parent_id=incident.id))
        session.execute(update(Connection).values(category_id=incident.id))


def document_pictures(browser: Browser, folder: Path) -> None:
    """The overview of a new connection, and its preview."""
    all_well = QueueStatus(True, has_worker=True, has_scheduler=True)
    with (
        patch.object(overview, "read_queue_status", lambda: all_well),
        new_connection() as (app, url),
    ):
        take(browser, url, [Picture("connection", PAGE)], folder)
        route(app)
        preview(browser, url, folder, "preview")


def preview(
    browser: Browser,
    url: str,
    folder: Path,
    name: str,
    scheme: str = "light",
    size: tuple[int, int] = WIDE,
) -> None:
    """The preview as it stands after it has been loaded."""
    page = new_page(browser, url, scheme, size)
    page.goto(url + PREVIEW)
    page.get_by_role("button", name="Start polling").wait_for()
    shoot(page, folder, name, whole=True)
    page.context.close()


def new_page(browser: Browser, url: str, scheme: str, size: tuple[int, int]) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    page = context.new_page()
    sign_in(page, url)
    return page


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page in every look: new, routed, running, in error, refused forms."""
    connect = every_look("connect", "/integrations/huntress/connect")
    with served_desk(is_filled=False) as (app, url):
        with app.app_context():
            desk_data.add_people()
        take(browser, url, [*connect, Picture("integrations-empty", "/integrations")], folder)
        page = new_page(browser, url, "light", WIDE)
        page.goto(f"{url}/integrations/huntress/connect")
        page.get_by_text("Advanced").click()
        page.get_by_label("Base URL").fill("https://huntress.example.com")
        page.get_by_label("API key").fill("hk_1")
        page.get_by_label("API secret").fill("hs_1")
        page.get_by_role("button", name="Connect").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, "connect-refused")
        page.context.close()
    with new_connection() as (app, url):
        take(browser, url, every_look("connection-new", PAGE), folder)
        refused_routing(browser, url, folder)
        route(app)
        take(browser, url, [Picture("connection-routed", PAGE, whole=True)], folder)
        for look in every_look("preview", PREVIEW):
            preview(browser, url, folder, look.name, look.scheme, look.size)
    established(browser, folder)


def refused_routing(browser: Browser, url: str, folder: Path) -> None:
    page = new_page(browser, url, "light", WIDE)
    page.goto(url + PAGE)
    page.get_by_label("Poll interval (minutes)").fill("90")
    page.get_by_label("Close tickets when Huntress closes the incident").check()
    page.get_by_role("button", name="Save routing configuration").click()
    page.get_by_role("alert").first.wait_for()
    shoot(page, folder, "routing-refused", whole=True)
    page.context.close()


def established(browser: Browser, folder: Path) -> None:
    """A connection of some weeks, well and unwell."""
    now = clock.utcnow()
    with served_desk() as (app, url):
        add_categories(app)
        shown = [*every_look("connection", PAGE), Picture("disconnect", f"{PAGE}/disconnect")]
        take(browser, url, shown, folder)
        error = "Huntress refused the credentials: the API key or the secret is wrong."
        set_connection(app, last_error=error, last_error_at=now + timedelta(seconds=1))
        with app.app_context(), transaction() as session:
            session.execute(update(Board).where(Board.id == 1).values(is_active=False))
        take(browser, url, [Picture("connection-error", PAGE, "dark", whole=True)], folder)
        set_connection(app, last_error=None, disconnected_at=now, api_key=None, api_secret=None)
        take(browser, url, [Picture("connection-gone", PAGE, whole=True)], folder)
        with app.app_context():
            desk_data.add_connection(now, name="Fernhill IT", account_id=7, paused_at=now)
            desk_data.add_connection(now, name="Oldbridge", account_id=8, board_id=None)
        take(browser, url, every_look("integrations", "/integrations"), folder)
        take(browser, url, [Picture("connection-n", PAGE, "dark", NARROW, whole=True)], folder)
