"""The last calls to Huntress."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import administration_data, desk_data
from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, words_of
from webapp.models import ApiExchange, Connection
from webapp.services.transactions import transaction

CALLS = "/integrations/huntress/1/api-calls"
SignIn = Callable[[tuple[str, str]], Browser]


def rows(browser: Browser) -> list[str]:
    return [words_of(row) for row in browser.get(CALLS).all("tr")[1:]]


@pytest.fixture
def calls(app: Flask, desk: Desk, fake_clock: FakeClock) -> None:
    with app.app_context():
        administration_data.add_calls(1, fake_clock.now())


def test_each_call_with_its_answer_in_words(admin: Browser, calls: None) -> None:
    found = rows(admin)
    assert len(found) == 14
    assert "just now GET /v1/incident_reports — Under way — —" in found[0]
    assert "No answer: the connection failed, was cut or took too long. 30,000 ms" in found[1]
    assert "502 Huntress is failing on its side" in found[2]
    assert "429 Huntress's limit of API calls for this account is used up" in found[3]
    assert "GET /v1/agents/771 404 Huntress does not have it (any more) 61 ms —" in found[4]
    assert "/v1/organizations 200 Answered 96 ms 0" in found[5]
    assert "200 Answered 412 ms 500" in found[6]


def test_a_call_whose_process_died(
    app: Flask, admin: Browser, calls: None, fake_clock: FakeClock
) -> None:
    fake_clock.advance(minutes=4)
    assert "Never finished: the process that called was stopped." in rows(admin)[0]


def test_calls_used_of_the_window(
    app: Flask, admin: Browser, calls: None, fake_clock: FakeClock
) -> None:
    page = admin.get(CALLS)
    bar = page.one("progress", aria_label="Calls used in the last minute")
    assert "8 of 60 calls used in the last minute" in page.text
    assert (bar.get("value"), bar.get("max")) == ("8", "60")
    with app.app_context(), transaction() as session:
        for slot in range(200, 252):
            desk_data._add_call(session, 1, slot, fake_clock.now())
    page = admin.get(CALLS)
    assert "60 of 60 calls used" in page.text
    assert "All calls of this minute are used" in page.text


def test_no_more_than_fifty(app: Flask, admin: Browser, calls: None, fake_clock: FakeClock) -> None:
    with app.app_context(), transaction() as session:
        for slot in range(200, 260):
            desk_data._add_call(session, 1, slot, fake_clock.now() - timedelta(hours=1))
    assert len(rows(admin)) == 50
    assert "Older calls are not shown" in admin.get(CALLS).text


def test_nothing_asked_yet(
    app: Flask, people: tuple[int, int], sign_in: SignIn, fake_clock: FakeClock
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
    page = sign_in(desk_data.ADMIN).get(CALLS)
    assert "No calls yet" in page.text
    assert "0 of 60 calls used" in page.text


def test_credentials_are_nowhere(admin: Browser, calls: None) -> None:
    html = admin.get(CALLS).response.text
    assert "hk_seeded" not in html
    assert "hs_seeded" not in html


def test_paths_are_text(app: Flask, admin: Browser, calls: None) -> None:
    attack = "/v1/<script>alert(1)</script>"
    with app.app_context(), transaction() as session:
        session.query(ApiExchange).update({"path": attack, "method": "<b>"})
        session.query(Connection).update({"account_name": attack})
    page = admin.get(CALLS)
    assert attack in page.text
    assert not page.all("b")


def test_helpdesk_and_unknown_connections(desk: Desk, admin: Browser, sign_in: SignIn) -> None:
    assert sign_in(HELPDESK).client.get(CALLS).status_code == 403
    assert admin.client.get("/integrations/huntress/99/api-calls").status_code == 404
