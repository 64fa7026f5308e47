"""The Integrations page, and who may open what lies behind it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, words_of

SignIn = Callable[[tuple[str, str]], Browser]
SENTENCE = "The Huntress security integration is an Enterprise feature."
PAGE = "/integrations/huntress/1"
PAGES = ["/integrations", "/integrations/huntress/connect", PAGE, f"{PAGE}/preview"]
PAGES += [f"{PAGE}/disconnect"]
ACTIONS = ["routing", "credentials", "pause", "resume", "disconnect", "sync-organizations"]
ACTIONS += ["preview", "start"]


@pytest.fixture
def viewer(people: tuple[int, int], sign_in: SignIn) -> Browser:
    return sign_in(ADMIN)


def use_community(app: Flask) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, edition="community")


def test_a_new_install_offers_huntress_under_security(viewer: Browser) -> None:
    page = viewer.get("/integrations")
    assert [words_of(heading) for heading in page.one("main").iter("h2")] == ["Security"]
    assert words_of(page.one("h3")) == "Huntress Enterprise"
    page.one("a", href="/integrations/huntress/connect", class_="btn-primary")
    assert "Read only: nothing is written to Huntress" in page.text
    current = page.all("a", aria_current="page")
    assert {words_of(link) for link in current} == {"Integrations"}


def test_each_connection_with_its_state(app: Flask, viewer: Browser, fake_clock: FakeClock) -> None:
    now = fake_clock.now()
    with app.app_context():
        desk_data.add_connection(now, name="Beta", board_id=None)
        desk_data.add_connection(
            now, name="alpha", account_id=2, last_error="Huntress is down.", last_error_at=now
        )
        desk_data.add_connection(
            now, name="Gamma", account_id=3, disconnected_at=now - timedelta(hours=1), board_id=None
        )
    page = viewer.get("/integrations")
    rows = [words_of(row) for row in page.one("ul", class_="connection-list").iter("li")]
    assert rows == [
        "alpha Error Last poll failed: Huntress is down.",
        "Beta Routing incomplete Polling is paused until the routing is complete. Missing: Security"
        " board.",
        "Gamma Disconnected Disconnected since Tuesday 11:00 UTC. Nothing has been looked at"
        " since.",
    ]
    page.one("a", href="/integrations/huntress/2", class_="connection-name")
    page.one("a", href="/integrations/huntress/connect")


def test_the_community_edition_says_so_and_refuses(
    app: Flask, viewer: Browser, fake_clock: FakeClock
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
    use_community(app)
    page = viewer.get("/integrations")
    assert SENTENCE in page.text
    assert not page.all("a", href="/integrations/huntress/connect")
    assert not page.all("a", href=PAGE)
    for path in PAGES[1:]:
        assert SENTENCE in viewer.get(path, status=400).text
    for action in ACTIONS:
        response = viewer.send(f"{PAGE}/{action}", {"loaded": "{}"})
        assert response.status_code in (303, 400), action
        if response.status_code == 303:
            assert SENTENCE in viewer.client.get("/").text


def test_no_page_or_action_of_it_is_left_open_in_the_community_edition(
    app: Flask, viewer: Browser, fake_clock: FakeClock
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
    use_community(app)
    token = viewer.token()
    left_open = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(("/integrations/huntress", "/incidents")):
            continue
        path = re.sub(r"<int:[^>]+>", "1", rule.rule)
        for method in {"GET", "POST"} & (rule.methods or set()):
            data = {"csrf_token": token, "loaded": "{}"} if method == "POST" else None
            answer = viewer.client.open(path, method=method, data=data, follow_redirects=True)
            if SENTENCE not in answer.text and not path.endswith("/routing"):  # asks for its form
                left_open.append(f"{method} {path}: {answer.status}")
    assert left_open == []


def test_helpdesk_gets_nothing_of_it(
    app: Flask, people: tuple[int, int], fake_clock: FakeClock, sign_in: SignIn
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now(), board_id=None)
        desk_data.add_connection(
            fake_clock.now(), name="New", account_id=2, polling_started_at=None
        )
    browser = sign_in(HELPDESK)
    for path in PAGES:
        assert browser.get(path, status=403).heading == "This is for admins"
    for action in ACTIONS:
        assert browser.send(f"{PAGE}/{action}", {}).status_code == 403
    for path in ("/", "/connections/1/status", "/connections/1/status?place=connection"):
        assert "/integrations" not in browser.client.get(path).text


def test_helpdesk_polls_and_stays_on_the_dashboard(
    app: Flask, people: tuple[int, int], fake_clock: FakeClock, sign_in: SignIn
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
    response = sign_in(HELPDESK).send("/connections/1/poll?place=connection", {})
    assert response.location == "/#connection-1"


def test_an_admin_is_led_from_the_dashboard(
    app: Flask, viewer: Browser, fake_clock: FakeClock
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now(), board_id=None)
        desk_data.add_connection(
            fake_clock.now(), name="Young", account_id=2, polling_started_at=None
        )
    page = viewer.get("/")
    assert words_of(page.one("a", href=f"{PAGE}#routing")) == "Complete the routing configuration"
    page.one("a", href="/integrations/huntress/2/preview")
    assert page.all("a", href=PAGE)


def test_a_new_install_leads_to_connecting(viewer: Browser) -> None:
    page = viewer.get("/")
    page.one("a", href="/integrations/huntress/connect", class_="btn-primary")
    assert "triagedesk connection add" not in page.text
