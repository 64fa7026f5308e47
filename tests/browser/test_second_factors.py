"""Second factors in a real browser, with a virtual authenticator in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.looks import in_each_look
from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD, Desk
from tests.support.rows import all_rows
from tests.support.security.factors import require_factors, set_up_app, set_up_passkey
from webapp import clock
from webapp.models import Passkey, UserSession
from webapp.services.people.factors.reset_factors import reset_factors
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
Check = Callable[[Page], None]
OWN = "/preferences/sign-in"
LOOKS = [("light", 1440), ("dark", 390)]


@pytest.fixture
def site(app: Flask, desk: Desk, url: str) -> str:
    """The address at which passkeys work: that of the server, by its name."""
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, local_url=url)
    return url.replace("127.0.0.1", "localhost")


class Authenticator:
    """Chromium's virtual authenticator: a passkey in the computer, always at hand."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = added["authenticatorId"]

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._session.send(
            f"WebAuthn.{method}", {"authenticatorId": self._id, **values}
        )
        return found

    @property
    def credentials(self) -> list[dict[str, Any]]:
        return list(self.call("getCredentials")["credentials"])


def first_step(page: Page, site: str, person: tuple[str, str] = ADMIN) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("E-mail address").fill(person[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_in(page: Page) -> None:
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()


def leave(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    page.locator("details.app-person summary").click()
    page.get_by_role("button", name="Sign out").locator("visible=true").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def add_passkey(page: Page, site: str, name: str = "Laptop") -> list[str]:
    """Add a passkey by the page; returns recovery codes if they came along."""
    page.goto(f"{site}{OWN}")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    page.get_by_text(f"The passkey “{name}” is added.").wait_for()
    codes = page.get_by_label("Your ten codes")
    return codes.input_value().split() if codes.count() else []


def factors_of_sessions(app: Flask) -> list[tuple[str | None, str | None]]:
    with app.app_context():
        return [(row.method, row.factor) for row in all_rows(UserSession)]


def test_an_app_from_its_key_to_the_next_sign_in(
    app: Flask, site: str, open_page: OpenPage, check_accessibility: Check
) -> None:
    page = open_page()
    first_step(page, site)
    is_in(page)
    page.goto(f"{site}/preferences")
    page.get_by_role("link", name="Change").click()
    check_accessibility(page)
    page.get_by_role("button", name="Set up an app").click()
    check_accessibility(page)
    picture = page.get_by_role("img", name="QR code of the key below").bounding_box()
    assert picture is not None
    assert picture["width"] >= 100
    codes = pyotp.TOTP(page.locator("code.text-break").inner_text().replace(" ", ""))
    used = codes.timecode(clock.utcnow())
    page.get_by_role("textbox", name="Code").fill(codes.generate_otp(used))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    check_accessibility(page)
    assert len(page.get_by_label("Your ten codes").input_value().split()) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "triagedesk-recovery-codes.txt"
    page.reload()
    expect(page.get_by_text("10 of 10 left.")).to_be_visible()
    leave(page, site)
    first_step(page, site)
    page.get_by_role("heading", name="Second step").wait_for()
    check_accessibility(page)
    page.get_by_role("textbox", name="Code").fill(codes.generate_otp(used))
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("This code is wrong, too old, or was used already.").first.wait_for()
    check_accessibility(page)
    page.get_by_role("textbox", name="Code").fill(codes.generate_otp(used + 1))
    page.get_by_role("button", name="Go on").click()
    is_in(page)
    assert factors_of_sessions(app)[-1] == ("password", "app")


def test_a_passkey_from_making_it_to_signing_in_without_a_password(
    app: Flask, site: str, open_page: OpenPage
) -> None:
    page = open_page()
    authenticator = Authenticator(page)
    first_step(page, site)
    is_in(page)
    assert len(add_passkey(page, site)) == 10
    [made] = authenticator.credentials
    assert made["isResidentCredential"]
    assert made["rpId"] == "localhost"
    leave(page, site)
    first_step(page, site)
    page.get_by_role("button", name="Use a passkey").click()
    is_in(page)
    leave(page, site)
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_in(page)
    assert factors_of_sessions(app)[-2:] == [("password", "passkey"), ("passkey", "passkey")]


def test_a_passkey_that_is_known_is_not_made_again(
    app: Flask, site: str, open_page: OpenPage
) -> None:
    page = open_page()
    Authenticator(page)
    first_step(page, site)
    is_in(page)
    add_passkey(page, site)
    page.goto(f"{site}{OWN}/passkeys/new")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_have_text("This passkey was added here before.")
    expect(page.get_by_role("button", name="Make the passkey")).to_be_enabled()
    with app.app_context():
        assert len(all_rows(Passkey)) == 1


def test_without_a_password_the_passkey_has_to_be_unlocked(site: str, open_page: OpenPage) -> None:
    page = open_page()
    authenticator = Authenticator(page)
    first_step(page, site)
    is_in(page)
    add_passkey(page, site)
    leave(page, site)
    authenticator.call("setUserVerified", isUserVerified=False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The browser gave no passkey")
    authenticator.call("setUserVerified", isUserVerified=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    is_in(page)


def test_a_copied_passkey_is_refused(app: Flask, site: str, open_page: OpenPage) -> None:
    page = open_page()
    authenticator = Authenticator(page)
    first_step(page, site)
    is_in(page)
    [code, *_rest] = add_passkey(page, site)
    for _ in range(2):
        leave(page, site)
        page.get_by_role("button", name="Sign in with a passkey").click()
        is_in(page)
    leave(page, site)
    [copy] = authenticator.credentials
    assert copy["signCount"] > 1
    authenticator.call("removeCredential", credentialId=copy["credentialId"])
    authenticator.call("addCredential", credential={**copy, "signCount": 0})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert").first).to_contain_text("somebody has copied it")
    first_step(page, site)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Go on").click()
    is_in(page)
    expect(page.get_by_text("Your passkey “Laptop” was refused")).to_be_visible()


def test_every_factor_lost_and_every_way_back(
    app: Flask, site: str, desk: Desk, open_page: OpenPage
) -> None:
    page = open_page()
    authenticator = Authenticator(page)
    first_step(page, site, HELPDESK)
    is_in(page)
    codes = add_passkey(page, site)
    leave(page, site)
    authenticator.call("clearCredentials")

    first_step(page, site, HELPDESK)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0].upper().replace("-", " "))
    page.get_by_role("button", name="Go on").click()
    is_in(page)
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()
    leave(page, site)

    admin = open_page()
    first_step(admin, site)
    is_in(admin)
    admin.goto(f"{site}/users/{desk.helpdesk_id}")
    admin.get_by_role("link", name="Reset second factors…").click()
    admin.get_by_label("Reason").fill("lost the phone, called back")
    admin.get_by_role("button", name="Reset").click()
    admin.get_by_text("signs in with the password alone now").wait_for()
    first_step(page, site, HELPDESK)
    is_in(page)
    expect(page.get_by_text("Ada Okafor reset your second factors")).to_be_visible()

    add_passkey(page, site)
    leave(page, site)
    authenticator.call("clearCredentials")
    with app.app_context():
        reset_factors(desk.helpdesk_id, "by the command", actor_id=None)
    first_step(page, site, HELPDESK)
    is_in(page)


def test_without_scripts_codes_work_and_passkeys_say_what_they_need(
    app: Flask, site: str, desk: Desk, open_page: OpenPage
) -> None:
    with app.app_context():
        _, made = set_up_app(desk.admin_id)
        set_up_passkey(desk.admin_id, made.token, origin=site)
    page = open_page(java_script_enabled=False)
    page.goto(f"{site}/sign-in")
    assert page.get_by_role("button", name="Sign in with a passkey").count() == 0
    first_step(page, site)
    page.get_by_role("link", name="Use a passkey").click()
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(made.codes[0])
    page.get_by_role("button", name="Go on").click()
    is_in(page)
    page.goto(f"{site}{OWN}/passkeys/new")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()


def test_presence_is_shown_by_a_passkey_and_the_form_goes_on(
    app: Flask, site: str, open_page: OpenPage
) -> None:
    page = open_page()
    Authenticator(page)
    first_step(page, site)
    is_in(page)
    add_passkey(page, site)
    page.goto(f"{site}{OWN}")
    forget_presence(app)
    page.get_by_role("button", name="Make new codes").click()
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_label("Your ten codes").wait_for()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 of 10 left.")).to_be_visible()


def forget_presence(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.query(UserSession).update({"present_at": None})


@in_each_look
def test_pages(
    app: Flask,
    site: str,
    desk: Desk,
    open_page: OpenPage,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    with app.app_context():
        require_factors()
        set_up_passkey(desk.helpdesk_id, origin=site)
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    Authenticator(page)

    def look() -> None:
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    page.goto(f"{site}/sign-in")
    look()
    first_step(page, site)
    is_in(page)
    expect(page.get_by_text("Your account needs a second factor from")).to_be_visible()
    look()
    page.goto(f"{site}{OWN}")
    page.get_by_role("button", name="Set up an app").click()
    look()
    add_passkey(page, site)
    look()
    with app.app_context():
        [_, own] = all_rows(Passkey)
    for path in (
        OWN,
        f"{OWN}/passkeys/new",
        f"{OWN}/passkeys/{own.id}",
        "/confirm",
        "/users",
        f"/users/{desk.helpdesk_id}",
        f"/users/{desk.helpdesk_id}/reset-factors",
        "/preferences",
    ):
        page.goto(f"{site}{path}")
        look()
    page.context.clear_cookies()
    first_step(page, site)
    look()
    page.get_by_role("link", name="Use a recovery code").click()
    look()
