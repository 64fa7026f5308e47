"""An admin resets the factors of somebody who has lost them."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.factors import require_factors, set_up_app, set_up_passkey
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser, words_of
from webapp.config import FactorRule
from webapp.models import AuthenticatorApp

SignIn = Callable[[tuple[str, str]], Browser]
PATH = "/users/2/reset-factors"
REASON = "lost the phone, called back"


@pytest.fixture
def bo(app: Flask, people: tuple[int, int], sign_in: SignIn) -> Browser:
    """The browser of a helpdesk person with an app and a passkey."""
    browser = sign_in(HELPDESK)
    found = browser.client.get_cookie(COOKIE)
    assert found is not None
    with app.app_context():
        _, made = set_up_app(people[1], found.value)
        _, made = set_up_passkey(people[1], made.token)
    browser.client.set_cookie(COOKIE, made.token)
    return browser


def test_the_whole_way(app: Flask, bo: Browser, sign_in: SignIn) -> None:
    ada = sign_in(ADMIN)
    page = ada.get("/users/2")
    assert "Second factor app, passkey, 10 recovery codes" in page.text
    assert PATH in [one.get("href") for one in page.all("a")]
    page = ada.get(PATH)
    assert "Bo Lindqvist has: app, passkey." in page.text
    refused = ada.page_of(ada.send(PATH, {"reason": " "}), status=400)
    assert "Say why" in refused.text
    assert ada.send(PATH, {"reason": REASON}).location == "/users/2"
    page = ada.get("/users/2")
    assert "signs in with the password alone now" in page.text
    assert "Second factor none" in page.text
    assert bo.client.get("/tickets").location.startswith("/sign-in")
    assert bo.post_sign_in(HELPDESK[0], PASSWORD).location == "/"
    told = bo.get("/tickets").text
    assert "Ada Okafor reset your second factors" in told
    assert REASON in told


def test_the_list_says_who_has_which(bo: Browser, sign_in: SignIn) -> None:
    rows = {words_of(row) for row in sign_in(ADMIN).get("/users").all("tr")}
    assert any("Bo Lindqvist" in row and "app, passkey" in row for row in rows)


def test_where_a_factor_is_needed_the_next_page_asks_for_it(
    app: Flask, bo: Browser, sign_in: SignIn
) -> None:
    with app.app_context():
        require_factors(FactorRule.EVERYBODY)
    sign_in(ADMIN).send(PATH, {"reason": REASON})
    bo.post_sign_in(HELPDESK[0], PASSWORD)
    assert bo.client.get("/tickets").location.startswith("/preferences/sign-in?")


def test_not_ones_own_and_not_without_presence(
    app: Flask, people: tuple[int, int], sign_in: SignIn, fake_clock: FakeClock
) -> None:
    with app.app_context():
        set_up_app(people[0])
    ada = sign_in(ADMIN)
    assert "/users/1/reset-factors" not in ada.get("/users/1").response.text
    assert "These are your own." in ada.get("/users/1/reset-factors").text
    page = ada.page_of(ada.send("/users/1/reset-factors", {"reason": REASON}), status=400)
    assert "These are your own factors." in page.text
    fake_clock.advance(minutes=11)
    page = ada.page_of(ada.send(PATH, {"reason": REASON}), status=403)
    assert page.heading == "Confirm that it is you"
    assert page.form("/confirm")["reason"] == REASON, "nothing has to be typed again"
    with app.app_context():
        assert len(all_rows(AuthenticatorApp)) == 1


def test_there_has_to_be_something_to_reset(people: tuple[int, int], sign_in: SignIn) -> None:
    ada = sign_in(ADMIN)
    assert "has no second factor" in ada.get(PATH).text
    page = ada.page_of(ada.send(PATH, {"reason": REASON}), status=400)
    assert "nothing to reset" in page.text
    assert ada.client.get("/users/99/reset-factors").status_code == 404


def test_helpdesk_may_not(bo: Browser) -> None:
    assert bo.client.get(PATH).status_code == 403
    assert bo.send(PATH, {"reason": REASON}).status_code == 403
