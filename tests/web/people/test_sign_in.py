"""Signing in and out."""

from collections.abc import Callable

from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser
from webapp.extensions import db
from webapp.models import UserSession
from webapp.services.people.own_sessions import end_all_sessions
from webapp.services.people.tokens import hash_cookie
from webapp.services.people.users import deactivate_user
from webapp.web.cookies import DEVICE

SignIn = Callable[[tuple[str, str]], Browser]


def test_signing_in_leads_to_the_dashboard(people: tuple[int, int], visitor: Browser) -> None:
    response = visitor.post_sign_in(ADMIN[0].upper(), PASSWORD)
    assert (response.status_code, response.location) == (303, "/")
    assert "Ada Okafor" in visitor.get("/").text


def test_signing_in_leads_back_to_the_page_wanted(
    people: tuple[int, int], visitor: Browser
) -> None:
    wanted = "/tickets?q=a%20b"
    asked = visitor.client.get(wanted)
    assert asked.location.startswith("/sign-in?next=")
    assert visitor.post_sign_in(ADMIN[0], PASSWORD, path=asked.location).location == wanted


def test_signing_in_never_leads_to_another_site(people: tuple[int, int], visitor: Browser) -> None:
    path = "/sign-in?next=https://evil.example/"
    assert visitor.post_sign_in(ADMIN[0], PASSWORD, path=path).location == "/"


def test_a_wrong_password_says_neither_which_is_wrong_nor_repeats_it(
    people: tuple[int, int], visitor: Browser
) -> None:
    for email in (ADMIN[0], "nobody@example.com"):
        page = visitor.page_of(visitor.post_sign_in(email, "wrong-password"), status=400)
        assert "The e-mail address or the password is wrong." in page.text
        assert page.one("input", name="email").get("value") == email
        assert "wrong-password" not in page.response.text


def test_empty_fields_are_named(people: tuple[int, int], visitor: Browser) -> None:
    page = visitor.page_of(visitor.post_sign_in("", ""), status=400)
    assert "Enter your password." in page.text


def test_the_cookie_is_for_the_server_only_and_its_token_is_not_stored(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    response = visitor.post_sign_in(ADMIN[0], PASSWORD)
    header = next(h for h in response.headers.getlist("Set-Cookie") if h.startswith(COOKIE))
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    token = header.split(";")[0].split("=", 1)[1]
    with app.app_context():
        assert db.session.query(UserSession).one().token_hash == hash_cookie(token)


def test_the_cookie_is_marked_secure_behind_https(
    app: Flask, people: tuple[int, int], visitor: Browser
) -> None:
    app.config["SESSION_COOKIE_SECURE"] = True
    form = visitor.client.get("/sign-in", base_url="https://localhost").text
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "email": ADMIN[0], "password": PASSWORD}
    response = visitor.client.post("/sign-in", data=data, base_url="https://localhost")
    assert all("Secure" in header for header in response.headers.getlist("Set-Cookie"))


def test_signing_in_gives_the_browser_a_fresh_cookie_session(
    people: tuple[int, int], visitor: Browser
) -> None:
    with visitor.client.session_transaction() as before:
        before["planted"] = "by somebody else"
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    with visitor.client.session_transaction() as after:
        assert "planted" not in after


def test_signing_out_ends_the_session_in_the_database_too(
    people: tuple[int, int], sign_in: SignIn
) -> None:
    browser = sign_in(ADMIN)
    token = browser.client.get_cookie(COOKIE).value
    response = browser.post("/sign-out", on="/")
    assert (response.status_code, response.location) == (303, "/sign-in")
    assert "You are signed out." in browser.get("/sign-in").text
    browser.client.set_cookie(COOKIE, token)
    assert browser.client.get("/").status_code == 302


def test_signing_out_ends_only_this_session(people: tuple[int, int], sign_in: SignIn) -> None:
    one, other = sign_in(ADMIN), sign_in(ADMIN)
    one.post("/sign-out", on="/")
    assert other.get("/").heading == "Dashboard"


def test_a_revoked_session_is_over_at_once(
    app: Flask, people: tuple[int, int], sign_in: SignIn
) -> None:
    browser = sign_in(HELPDESK)
    with app.app_context():
        end_all_sessions(people[1])
    assert browser.client.get("/").status_code == 302


def test_a_deactivated_person_is_out_at_once(
    app: Flask, people: tuple[int, int], sign_in: SignIn
) -> None:
    browser = sign_in(HELPDESK)
    with app.app_context():
        deactivate_user(people[1])
    assert browser.client.get("/").status_code == 302


def test_a_session_ends_after_two_weeks(
    people: tuple[int, int], sign_in: SignIn, fake_clock: FakeClock
) -> None:
    browser = sign_in(HELPDESK)
    fake_clock.advance(days=13, hours=23)
    assert browser.client.get("/").status_code == 200
    fake_clock.advance(hours=2)
    assert browser.client.get("/").status_code == 302


def test_nonsense_in_the_cookie_is_nobody(people: tuple[int, int], visitor: Browser) -> None:
    for value in ("x", "x" * 5000, "%00", "ä"):
        visitor.client.set_cookie(COOKIE, value)
        assert visitor.client.get("/").status_code == 302


def test_somebody_signed_in_is_not_asked_again(people: tuple[int, int], sign_in: SignIn) -> None:
    assert sign_in(ADMIN).client.get("/sign-in?next=/tickets").location == "/tickets"


def test_a_part_of_a_page_makes_the_page_load_again(
    people: tuple[int, int], visitor: Browser
) -> None:
    response = visitor.client.get("/connections/1/status", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")


def test_guessing_passwords_is_slowed_down_and_signing_in_is_not(
    people: tuple[int, int], visitor: Browser
) -> None:
    for _ in range(12):
        assert visitor.post_sign_in(ADMIN[0], PASSWORD).status_code == 303
        forget_cookies(visitor)
    for _ in range(5):
        assert visitor.post_sign_in(ADMIN[0], "wrong").status_code == 400
    response = visitor.post_sign_in(ADMIN[0], PASSWORD)
    page = visitor.page_of(response, status=429)
    assert "Wait 30 seconds, then go on." in page.text
    assert 25 <= int(response.headers["Retry-After"]) <= 31
    assert page.one("input", name="email").get("value") == ADMIN[0]


def test_whoever_signed_in_here_before_is_not_kept_out_by_strangers(
    people: tuple[int, int], visitor: Browser, app: Flask
) -> None:
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    visitor.client.delete_cookie(COOKIE)
    stranger = Browser(app)
    stranger.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    statuses = [stranger.post_sign_in(ADMIN[0], "wrong").status_code for _ in range(7)]
    assert statuses == [400] * 5 + [429] * 2
    assert visitor.post_sign_in(ADMIN[0], PASSWORD).status_code == 303


def test_many_addresses_do_not_help_with_one_account(
    people: tuple[int, int], visitor: Browser
) -> None:
    statuses = [guess(visitor, f"198.51.100.{number}") for number in range(1, 8)]
    assert statuses == [400] * 5 + [429] * 2


def test_a_fresh_ipv6_address_for_each_guess_does_not_help(
    people: tuple[int, int], visitor: Browser
) -> None:
    statuses = [
        guess(visitor, f"2001:db8:1:2::{number:x}", f"nobody{number}@example.com")
        for number in range(11)
    ]
    assert statuses == [400] * 10 + [429]
    assert guess(visitor, "2001:db8:1:3::1") == 400


def guess(browser: Browser, address: str, email: str = ADMIN[0]) -> int:
    browser.client.environ_base["REMOTE_ADDR"] = address
    return browser.post_sign_in(email, "wrong").status_code


def forget_cookies(browser: Browser) -> None:
    for name in (COOKIE, DEVICE):
        browser.client.delete_cookie(name)
