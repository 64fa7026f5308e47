"""A real browser on a real server with a real database."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Keyboard, Locator, Page, expect

from tests.browser.chromium import MISSING, find_browser, open_browser
from tests.browser.live_server import LiveServer
from tests.support import desk_data
from tests.support.desk_data import Desk
from tests.support.made_once import COMPILED_TEMPLATES
from webapp import clock, create_app
from webapp.config import Config

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """
async tags => {
  const options = {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]};
  return (await axe.run(document, options)).violations;
}
"""
REFUSAL = re.compile("status of (4|50[23])|Status Error Code (4|503)")
"""How the browser and htmx report an answer that a test wanted."""
WAIT_MILLISECONDS = 30_000
expect.set_options(timeout=WAIT_MILLISECONDS)  # a loaded machine is no failure


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each gets contexts of its own."""
    if find_browser() is None:
        pytest.skip(MISSING)
    with (
        open_browser() as browser,
        patch.object(Locator, "click", click_what_stands_still),
        patch.object(Locator, "press", press_once_loaded),
        patch.object(Page, "keyboard", property(keyboard_once_loaded)),
    ):
        yield browser


_click, _press, _keyboard = Locator.click, Locator.press, Page.keyboard


def click_what_stands_still(locator: Locator, **options: Any) -> None:
    """Click once the page has loaded: without scripts nobody checks that the mouse hit its target,
    and a page that is still loading may move under it.
    """
    locator.page.wait_for_load_state("load")
    _click(locator, **options)


def press_once_loaded(locator: Locator, key: str, **options: Any) -> None:
    """Press a key once the page has loaded: before that its scripts do not listen."""
    locator.page.wait_for_load_state("load")
    _press(locator, key, **options)


def keyboard_once_loaded(page: Page) -> Keyboard:
    """The keyboard of a page that has loaded: before that its scripts do not listen."""
    page.wait_for_load_state("load")
    return _keyboard.fget(page)  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def app(config: Config) -> Flask:
    """The app as in production, without a context around it."""
    app = create_app(config)
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    return app


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """The address of the running server."""
    server = LiveServer(app).start()
    yield server.url
    server.stop()


@pytest.fixture
def desk(app: Flask) -> Desk:
    """People, a connection and twenty tickets."""
    with app.app_context():
        return desk_data.fill_desk(clock.utcnow(), tickets=20)


@pytest.fixture
def open_page(chromium: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Opens a page in a fresh context; complaints of the browser fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def _open(**options: object) -> Page:
        context = chromium.new_context(
            base_url=url,
            reduced_motion="reduce",  # what is still scrolling smoothly is easily missed by a click
            **options,  # type: ignore[arg-type]
        )
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and not REFUSAL.search(message.text)
                else None
            ),
        )
        return page

    yield _open
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def sign_in() -> Callable[[Page, tuple[str, str]], None]:
    """Signs in through the page, with the mouse."""

    def _sign_in(page: Page, person: tuple[str, str]) -> None:
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(person[0])
        page.get_by_label("Password").fill(desk_data.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
        page.wait_for_load_state()

    return _sign_in


@pytest.fixture
def check_accessibility() -> Callable[[Page], None]:
    """Runs axe on the page as it stands."""

    def _check(page: Page) -> None:
        page.evaluate(AXE)
        violations = page.evaluate(RUN_AXE, AXE_TAGS)
        found = [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in violations
            for node in violation["nodes"]
        ]
        assert not found, f"{page.url}\n" + "\n".join(found)

    return _check
