"""Signing in with the identity provider, in a browser."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import answer
from tests.support.rows import all_rows, change, fresh
from tests.support.security.factors import require_factors
from tests.support.security.oidc_provider import Claims, OidcProvider, person
from tests.support.security.single_sign_on import BREAK_GLASS, DESK, ROLES, configure
from tests.web.pages import Browser, Page
from webapp.models import AuditEvent, User, UserSession
from webapp.services.people.single_sign_on.break_glass import set_break_glass
from webapp.web.cookies import PROVIDER

BEGIN = "/sign-in/single-sign-on"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def oidc(app: Flask, people: tuple[int, int], fake_clock: FakeClock) -> Iterator[OidcProvider]:
    """A provider that knows the helpdesk person."""
    with OidcProvider(fake_clock.now) as provider:
        configure(app, provider, public_url="http://localhost")
        provider.person = person(sub="helpdesk-1", email=HELPDESK[0])
        yield provider


def begin(browser: Browser, path: str = "/sign-in", **data: str) -> str:
    """Press the button; returns the address at the provider that the page leads to."""
    response = browser.post(BEGIN, data, on=path)
    page = browser.page_of(response)
    [refresh] = [meta for meta in page.all("meta") if meta.get("http-equiv") == "refresh"]
    url = (refresh.get("content") or "").removeprefix("0; url=")
    assert page.one("a", class_="btn-primary").get("href") == url
    return url


def come_back(browser: Browser, url: str) -> TestResponse:
    """Open the address that the provider sends the browser back to."""
    parts = urlsplit(url)
    return browser.client.get(f"{parts.path}?{parts.query}")


def refused(browser: Browser, response: TestResponse) -> Page:
    """The sign-in page that an answer which was refused leads to."""
    assert response.status_code == 303
    assert response.location.startswith("/sign-in")
    assert "code=" not in response.location
    return browser.get(response.location)


def test_the_whole_way(app: Flask, visitor: Browser, oidc: OidcProvider) -> None:
    page = visitor.get("/sign-in?next=/tickets")
    assert page.text.index("Sign in with Mock") < page.text.index("With a password")
    url = begin(visitor, "/sign-in?next=/tickets")
    assert url.startswith(f"{oidc.issuer}/authorize?")
    response = come_back(visitor, oidc.visit(url))
    assert (response.status_code, response.location) == (303, "/tickets")
    assert visitor.client.get_cookie(PROVIDER) is None
    assert HELPDESK[0] in visitor.get("/preferences").text
    with app.app_context():
        [session] = all_rows(UserSession)
        assert (session.method, session.factor) == ("single-sign-on", "provider")


def test_the_way_never_leads_to_another_site(visitor: Browser, oidc: OidcProvider) -> None:
    url = begin(visitor, next="https://evil.example/")
    assert come_back(visitor, oidc.visit(url)).location == "/"


def test_the_cookie_holds_a_random_token_alone(visitor: Browser, oidc: OidcProvider) -> None:
    url = begin(visitor)
    cookie = visitor.client.get_cookie(PROVIDER)
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")
    assert cookie.value not in url
    assert not any(value in url for value in cookie.value.split("."))


def test_behind_https_the_cookie_is_for_this_host_alone(
    app: Flask, visitor: Browser, oidc: OidcProvider
) -> None:
    configure(app, oidc, public_url=DESK)
    app.config["SESSION_COOKIE_SECURE"] = True
    form = visitor.client.get("/sign-in", base_url="https://localhost").text
    token = form.split('name="csrf_token" value="')[1].split('"')[0]
    response = visitor.client.post(
        BEGIN,
        data={"csrf_token": token},
        base_url="https://localhost",
        headers={"Referer": "https://localhost/sign-in"},
    )
    [cookie] = [h for h in response.headers.getlist("Set-Cookie") if PROVIDER in h]
    assert cookie.startswith(f"__Host-{PROVIDER}=")
    assert "Secure" in cookie
    assert "redirect_uri=https%3A%2F%2Fdesk.example.com%2Fsign-in%2Fsingle-sign-on" in response.text


def test_an_answer_for_another_browser(app: Flask, visitor: Browser, oidc: OidcProvider) -> None:
    """Mallory begins, and sends the way back to somebody who began as well, or did not."""
    mallory = Browser(app)
    back = oidc.visit(begin(mallory))
    page = refused(visitor, come_back(visitor, back))
    assert "begun in another window" in page.text
    begin(visitor)
    page = refused(visitor, come_back(visitor, back))
    assert "begun in another window" in page.text
    assert "/token" not in oidc.asked
    with app.app_context():
        assert all_rows(UserSession) == []


def test_an_answer_that_is_opened_twice(visitor: Browser, oidc: OidcProvider) -> None:
    back = oidc.visit(begin(visitor))
    come_back(visitor, back)
    assert come_back(visitor, back).location == "/", "who is signed in goes on"
    visitor.post("/sign-out", on="/")
    assert "begun in another window" in refused(visitor, come_back(visitor, back)).text


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "eve@example.com"}, "There is no account for eve@example.com here. Ask an adm"),
        ({"email_verified": None}, "Mock does not vouch for"),
        ({"email": '<b>"x@example.com'}, "Ask an admin to invite you"),
    ],
)
def test_who_does_not_get_in_reads_why(
    visitor: Browser, oidc: OidcProvider, claims: dict[str, Any], words: str
) -> None:
    oidc.person = person(sub="x", **{"email": HELPDESK[0], **claims})
    page = refused(visitor, come_back(visitor, oidc.visit(begin(visitor))))
    assert words in page.text


def test_the_provider_says_no(visitor: Browser, oidc: OidcProvider) -> None:
    back = oidc.deny(begin(visitor), "access_denied", error_description="<script>")
    page = refused(visitor, come_back(visitor, back))
    assert "Mock did not let you sign in." in page.text
    assert "script" not in page.text


def test_a_provider_that_is_down_leaves_the_password(visitor: Browser, oidc: OidcProvider) -> None:
    oidc.instead["/.well-known/openid-configuration"] = answer(503)
    response = visitor.post(BEGIN, {"next": "/tickets"}, on="/sign-in")
    page = refused(visitor, response)
    assert "Mock cannot be reached just now" in page.text
    assert response.location == "/sign-in?next=/tickets"
    signed_in = visitor.post_sign_in(HELPDESK[0], PASSWORD, path=response.location)
    assert signed_in.location == "/tickets"


def test_a_wrong_client_secret(visitor: Browser, oidc: OidcProvider) -> None:
    oidc.client_secret = "another"
    page = refused(visitor, come_back(visitor, oidc.visit(begin(visitor))))
    assert "Mock does not accept Triagedesk itself" in page.text


def test_beginning_needs_a_token_and_an_installation_that_is_set_up(
    app: Flask, visitor: Browser, oidc: OidcProvider
) -> None:
    assert visitor.client.post(BEGIN).status_code == 400
    assert oidc.asked == []


def test_nobody_becomes_the_first_admin_this_way(
    app: Flask, visitor: Browser, fake_clock: FakeClock
) -> None:
    with OidcProvider(fake_clock.now) as provider:
        configure(app, provider, public_url="http://localhost", **ROLES)
        token = visitor.client.get("/setup").text.split('name="csrf_token" value="')[1]
        data = {"csrf_token": token.split('"')[0]}
        response = visitor.client.post(BEGIN, data=data)
        assert response.location == "/setup"
        assert provider.asked == []


def test_without_a_provider_there_is_no_button(people: tuple[int, int], visitor: Browser) -> None:
    page = visitor.get("/sign-in")
    assert "Sign in with" not in page.text
    assert visitor.send(BEGIN, {}).status_code == 404
    assert visitor.client.get("/sign-in/single-sign-on/answer").status_code == 404
    assert visitor.client.get("/sign-out/provider").status_code == 404


def test_many_begins_are_slowed_down(visitor: Browser, oidc: OidcProvider) -> None:
    statuses = [visitor.send(BEGIN, {}).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


def test_many_answers_are_slowed_down_and_none_is_on_record(
    app: Flask, visitor: Browser, oidc: OidcProvider
) -> None:
    """Anybody can open the address: that must not fill the audit log."""
    path = "/sign-in/single-sign-on/answer?code=x&state=y"
    statuses = [visitor.client.get(path).status_code for _ in range(31)]
    assert statuses == [303] * 30 + [429]
    with app.app_context():
        assert "session.refused" not in [event.action for event in all_rows(AuditEvent)]


def test_a_wrong_state_for_a_sign_in_that_was_begun_is_on_record(
    app: Flask, visitor: Browser, oidc: OidcProvider
) -> None:
    begin(visitor)
    visitor.client.get("/sign-in/single-sign-on/answer?code=x&state=y")
    with app.app_context():
        event = all_rows(AuditEvent)[-1]
    assert event.after == {"reason": "wrong state", "method": "single-sign-on"}


def test_signing_out_says_that_the_other_session_goes_on(
    visitor: Browser, oidc: OidcProvider
) -> None:
    come_back(visitor, oidc.visit(begin(visitor)))
    response = visitor.post("/sign-out", on="/")
    page = visitor.get(response.location)
    assert "Your session at Mock goes on. Sign out there, too" in page.text
    away = visitor.client.get("/sign-out/provider")
    assert away.location == f"{oidc.issuer}/log-out?client_id=triagedesk"


def test_a_provider_without_an_address_to_sign_out(visitor: Browser, oidc: OidcProvider) -> None:
    oidc.metadata = {"end_session_endpoint": None}
    response = visitor.client.get("/sign-out/provider")
    assert "Mock offers no address to sign out at." in visitor.get(response.location).text


def test_an_event_for_each_refusal(app: Flask, visitor: Browser, oidc: OidcProvider) -> None:
    oidc.person = person(sub="eve-1", email="eve@example.com")
    come_back(visitor, oidc.visit(begin(visitor)))
    with app.app_context():
        event = all_rows(AuditEvent)[-1]
    assert (event.action, event.address) == ("session.refused", "127.0.0.1")
    assert event.after == {"reason": "unknown", "method": "single-sign-on"}


@pytest.fixture
def linked(app: Flask, people: tuple[int, int], oidc: OidcProvider) -> OidcProvider:
    """The provider, at which the admin is somebody, too."""
    with app.app_context():
        change(User, people[0], oidc_issuer=oidc.issuer, oidc_subject="admin-1")
    oidc.person = person(sub="admin-1", email=ADMIN[0])
    return oidc


def confirm_at(browser: Browser, page: Page) -> str:
    """Press "Confirm with Mock" of a page that asks; returns the address at the provider."""
    fields = page.form("/confirm/single-sign-on")
    shown = browser.page_of(browser.client.post("/confirm/single-sign-on", data=fields))
    return str(shown.one("a", class_="btn-primary").get("href"))


def test_confirming_at_the_provider(
    linked: OidcProvider, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    admin = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    page = admin.get("/confirm?next=/users")
    assert "Confirm with Mock" in page.text
    back = linked.visit(confirm_at(admin, page))
    assert come_back(admin, back).location == "/users"


def test_a_form_waits_in_its_own_window(
    app: Flask,
    people: tuple[int, int],
    linked: OidcProvider,
    sign_in: SignIn,
    fake_clock: FakeClock,
) -> None:
    """An admin without a password: what was typed is sent once the provider has confirmed."""
    with app.app_context():
        change(User, people[0], password_hash="!")
        change(User, people[1], oidc_issuer=linked.issuer, oidc_subject="helpdesk-1")
    admin = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    path = f"/users/{people[1]}/unlink"
    asking = admin.page_of(admin.post(path, on=f"/users/{people[1]}"), status=403)
    assert not asking.all("input", name="confirm_password")
    form = next(one for one in asking.all("form") if one.get("action") == "/confirm/single-sign-on")
    assert form.get("target") == "_blank"
    again = admin.client.post("/confirm", data=asking.form("/confirm"))
    assert again.status_code == 403, "before anything was shown"
    done = admin.page_of(come_back(admin, linked.visit(confirm_at(admin, asking))))
    assert "Close this window, and press Go on" in done.text
    response = admin.client.post("/confirm", data=asking.form("/confirm"))
    assert (response.status_code, response.location) == (307, path)
    assert admin.send(path, {}).status_code == 303
    with app.app_context():
        assert not fresh(User, people[1]).is_linked


def test_confirming_as_somebody_else(
    linked: OidcProvider, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    admin = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    url = confirm_at(admin, admin.get("/confirm?next=/users"))
    linked.person = person(sub="somebody else")
    response = come_back(admin, linked.visit(url))
    assert response.location == "/confirm?next=/users"
    assert "You signed in there as somebody else." in admin.get(response.location).text


def test_confirming_while_the_provider_is_down(
    linked: OidcProvider, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    admin = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    linked.instead["/.well-known/openid-configuration"] = answer(503)
    page = admin.get("/confirm?next=/users")
    response = admin.client.post(
        "/confirm/single-sign-on", data=page.form("/confirm/single-sign-on")
    )
    assert "cannot be reached just now" in admin.get(response.location).text


def without_time(claims: Claims) -> Claims:
    return {name: value for name, value in claims.items() if name != "auth_time"}


def long_ago(claims: Claims) -> Claims:
    return claims | {"auth_time": claims["iat"] - 3600}


@pytest.mark.parametrize("said", [without_time, long_ago])
def test_a_session_that_goes_on_at_the_provider_shows_nothing(
    linked: OidcProvider, visitor: Browser, said: Callable[[Claims], Claims]
) -> None:
    """Whoever finds an unlocked screen signs out, and in again without being asked anything."""
    linked.change = said
    come_back(visitor, linked.visit(begin(visitor)))
    assert visitor.client.get("/audit/export").location == "/confirm?next=/audit/export"
    linked.change = lambda claims: claims
    visitor.post("/sign-out", on="/")
    come_back(visitor, linked.visit(begin(visitor)))
    assert visitor.client.get("/audit/export").status_code == 200


def test_a_provider_that_never_says_when(
    linked: OidcProvider, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    admin = sign_in(ADMIN)
    fake_clock.advance(minutes=11)
    linked.change = without_time
    back = linked.visit(confirm_at(admin, admin.get("/confirm?next=/audit/export")))
    response = come_back(admin, back)
    assert response.location == "/confirm?next=/audit/export"
    assert "Mock does not say when you signed in there" in admin.get(response.location).text


def test_who_has_nothing_to_show_sets_up_a_first_factor_at_once(
    app: Flask,
    people: tuple[int, int],
    linked: OidcProvider,
    visitor: Browser,
    fake_clock: FakeClock,
) -> None:
    """Otherwise nobody could ever be present who has a provider alone that says no time."""
    setup = "/preferences/sign-in"
    linked.change = without_time
    come_back(visitor, linked.visit(begin(visitor)))
    refused = visitor.post(f"{setup}/app", on=setup)
    assert refused.status_code == 403, "there is a password to show"
    with app.app_context():
        change(User, people[0], password_hash="!")
    assert visitor.client.get("/audit/export").location.startswith("/confirm")
    assert visitor.post(f"{setup}/app", on=setup).location == f"{setup}/app/confirm"
    assert visitor.get(f"{setup}/app/confirm").heading
    fake_clock.advance(minutes=10)
    assert visitor.client.get(f"{setup}/app/confirm").location.startswith("/confirm")


def test_who_has_to_set_up_a_factor_may_confirm_with_the_provider(
    app: Flask, linked: OidcProvider, visitor: Browser, fake_clock: FakeClock
) -> None:
    """They came in with the password, and the grace is over."""
    with app.app_context():
        require_factors(grace=timedelta(0))
    visitor.post_sign_in(ADMIN[0], PASSWORD)
    fake_clock.advance(minutes=11)
    new = "/preferences/sign-in/passkeys/new"
    asked = visitor.get(visitor.client.get(new).location)
    assert come_back(visitor, linked.visit(confirm_at(visitor, asked))).location == new
    assert visitor.get(new).heading == "Add a passkey"


def test_who_is_linked_to_nobody_confirms_with_the_password(
    oidc: OidcProvider, sign_in: SignIn
) -> None:
    page = sign_in(HELPDESK).get("/confirm")
    assert "Confirm with" not in page.text
    assert page.all("input", name="confirm_password")


def test_who_has_neither_signs_in_again(
    app: Flask, people: tuple[int, int], oidc: OidcProvider, sign_in: SignIn
) -> None:
    with app.app_context():
        change(User, people[1], password_hash="!")
    assert "Sign out and sign in again" in sign_in(HELPDESK).get("/confirm").text


@pytest.fixture
def limited(app: Flask, people: tuple[int, int], oidc: OidcProvider) -> OidcProvider:
    """Only the admin has a password, and the helpdesk person is linked."""
    configure(app, oidc, public_url="http://localhost", **BREAK_GLASS)
    with app.app_context():
        set_break_glass(people[0], True)
        change(User, people[1], oidc_issuer=oidc.issuer, oidc_subject="helpdesk-1")
    return oidc


def test_break_glass_stands_behind_a_link(visitor: Browser, limited: OidcProvider) -> None:
    page = visitor.get("/sign-in?next=/tickets")
    assert not page.all("input", name="password")
    link = next(a for a in page.all("a") if "break-glass" in "".join(a.itertext()))
    assert link.get("href") == "/sign-in?next=/tickets&way=password"
    page = visitor.page_of(visitor.post_sign_in(HELPDESK[0], PASSWORD), status=400)
    assert "The e-mail address or the password is wrong." in page.text
    assert page.all("input", name="password")
    response = visitor.post_sign_in(ADMIN[0], PASSWORD, path=str(link.get("href")))
    assert response.location == "/tickets"


def test_pages_without_passwords(
    people: tuple[int, int], limited: OidcProvider, sign_in: SignIn
) -> None:
    page = sign_in(HELPDESK).get("/preferences")
    assert "Passwords are switched off here" in page.text
    assert "You are linked to Mock" in page.text
    assert not page.all("input", name="new_password")
    admin = sign_in(ADMIN)
    assert admin.get("/preferences").all("input", name="new_password")
    assert admin.get("/users").text.count("Break-glass") == 1
    page = admin.get(f"/users/{people[1]}")
    assert "set, and switched off" in page.text
    assert "Reset password link" not in page.text
    assert "Reset password link" in admin.get(f"/users/{people[0]}").text
    response = admin.send(f"/users/{people[1]}/new-link", {})
    assert "Passwords are switched off here" in admin.get(response.location).text
    response = admin.send(f"/users/{people[0]}/deactivate", {"is_confirmed": "y"})
    assert response.status_code == 400


def test_nobody_is_led_to_a_better_password_who_may_use_none(
    app: Flask, people: tuple[int, int], limited: OidcProvider, sign_in: SignIn
) -> None:
    """The page could not be left again: it takes no password while they are switched off."""
    with app.app_context():
        change(User, people[0], must_change_password=True)
        change(User, people[1], must_change_password=True)
    helpdesk = sign_in(HELPDESK)
    helpdesk.get("/tickets")
    assert sign_in(ADMIN).client.get("/tickets").location.startswith("/better-password")
    configure(app, limited, public_url="http://localhost")
    assert helpdesk.client.get("/tickets").location.startswith("/better-password")


def test_inviting_without_passwords(limited: OidcProvider, sign_in: SignIn) -> None:
    admin = sign_in(ADMIN)
    assert "They sign in with Mock, under exactly this address." in admin.get("/users/invite").text
    data = {"name": "Cleo", "email": "cleo@example.com", "role": "helpdesk"}
    response = admin.send("/users/invite", data)
    page = admin.get(response.location)
    assert "Cleo is invited, and signs in as cleo@example.com." in page.text
    assert "Invited" in page.text
    assert "linked by the first sign-in with this address" in page.text


def test_changing_a_password_that_is_off(limited: OidcProvider, sign_in: SignIn) -> None:
    data = {"current_password": PASSWORD, "new_password": "another good password"}
    response = sign_in(HELPDESK).send("/preferences/password", data)
    assert response.status_code == 400
    assert "Passwords are switched off here" in response.text


def test_unlinking(
    app: Flask, people: tuple[int, int], limited: OidcProvider, sign_in: SignIn
) -> None:
    admin = sign_in(ADMIN)
    path = f"/users/{people[1]}"
    response = admin.post(f"{path}/unlink", on=path)
    page = admin.get(response.location)
    assert "The account is unlinked." in page.text
    assert "Unlink from" not in page.text
    assert sign_in(HELPDESK).send(f"{path}/unlink", {}).status_code == 403
