"""A page that is left open asks by itself how things are, and that is no use of its session."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from tests.support.databases import TEST_SECURITY
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.source_tree import ROOT
from tests.web.pages import Browser
from webapp.config import Config
from webapp.models import UserSession
from webapp.web.viewer import is_asked_by_pages

TEMPLATES = ROOT / "webapp" / "templates"
BY_ITSELF = re.compile(r'hx-trigger="[^"]*\b(?:every|refresh)\b')
ASKS = re.compile(r"hx-get=\"\{\{ url_for\('([a-z_.]+)'")
PARTS = (
    *(
        "/polling-banner",
        "/alarms",
        "/connections/summary",
        "/connections/1/status",
        "/dashboard/cards",
    ),
    *("/live", "/tickets/live", "/tickets/1/live", "/dashboard/live"),
)
LIVE = ("/live", "/tickets/live?assignee=me", "/tickets/1/live?doing=writing", "/dashboard/live")
NAMED_LIVE = re.compile(r"url_for\(['\"]([a-z]+\.live_[a-z]+)['\"]")
LIVE_PAGES = ("/health", "/drills", "/backups")
"""Whole pages, which are asked for anew when the banner changes."""


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, security=replace(TEST_SECURITY, idle_lifetime=timedelta(hours=8)))


def asked_by_templates() -> Iterator[tuple[str, str]]:
    """The file and the endpoint of everything that a page asks for by itself."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        for line in filter(BY_ITSELF.search, path.read_text("utf-8").splitlines()):
            [endpoint] = ASKS.findall(line)
            yield path.name, endpoint


def test_what_pages_ask_for_by_themselves_is_marked(app: Flask) -> None:
    asked = dict(asked_by_templates())
    assert len(asked) >= 7
    assert all(is_asked_by_pages(app.view_functions[one]) for one in asked.values()), asked
    live = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in NAMED_LIVE.findall(path.read_text("utf-8"))
    }
    assert len(live) == 4
    marked = {name for name, view in app.view_functions.items() if is_asked_by_pages(view)}
    assert marked == {*asked.values(), *live}


def used_at(app: Flask) -> datetime | None:
    with app.app_context():
        return all_rows(UserSession)[-1].last_seen_at


def test_a_page_that_is_left_open_keeps_no_session(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    admin.get("/")
    began = used_at(app)
    for _ in range(47):
        fake_clock.advance(minutes=10)
        for part in PARTS:
            assert admin.client.get(part, headers={"HX-Request": "true"}).status_code == 200
    assert used_at(app) == began
    fake_clock.advance(minutes=10)
    assert "You have been signed out." in admin.fragment("/polling-banner").text
    assert admin.client.get("/").status_code == 302


@pytest.mark.parametrize("path", LIVE)
def test_what_asks_for_news_is_no_use_whoever_asks(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock, path: str
) -> None:
    """Also without the header of a script: there is nothing to look at."""
    began = used_at(app)
    fake_clock.advance(hours=1)
    assert admin.client.get(path).status_code == 200
    assert used_at(app) == began


@pytest.mark.parametrize("path", LIVE_PAGES)
def test_a_whole_page_is_a_persons_and_its_part_is_not(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock, path: str
) -> None:
    began = used_at(app)
    fake_clock.advance(hours=1)
    assert admin.client.get(path, headers={"HX-Request": "true"}).status_code == 200
    assert used_at(app) == began
    admin.get(path)
    assert used_at(app) == fake_clock.now()


def test_a_preview_is_asked_for_by_who_types(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    token = admin.token()
    fake_clock.advance(hours=1)
    sent = {"body": "a *note*", "csrf_token": token}
    shown = admin.client.post("/tickets/preview", data=sent, headers={"HX-Request": "true"})
    assert shown.status_code == 200
    assert used_at(app) == fake_clock.now()
