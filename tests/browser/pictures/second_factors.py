"""Pictures of second factors: setting them up, the second step, the reset."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page

from tests.browser.screenshots import NARROW, WIDE, served_desk
from tests.support import desk_data
from tests.support.security.factors import require_factors, set_up_app, set_up_passkey
from webapp.services.people.users import find_user

OWN = "/preferences/sign-in"
LOOKS = [("light", WIDE), ("dark", NARROW), ("dark", WIDE), ("light", NARROW)]


def document_pictures(browser: Browser, folder: Path) -> None:
    """None of them is shown in the documentation."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page, in every look."""
    for scheme, size in LOOKS:
        with served_desk() as (app, url):
            site = url.replace("127.0.0.1", "localhost")
            app.extensions["triagedesk_config"] = replace(
                app.extensions["triagedesk_config"], local_url=url
            )
            with app.app_context():
                require_factors()
                set_up_passkey(find_user(desk_data.HELPDESK[0]).id, origin=site)
            width, height = size
            context = browser.new_context(
                base_url=site, color_scheme=scheme, viewport={"width": width, "height": height}
            )
            _walk(app, context.new_page(), _shooter(folder, f"{scheme}-{width}"))
            context.close()


def _shooter(folder: Path, look: str) -> Callable[[Page, str], None]:
    def _shoot(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"factors-{name}-{look}.png", full_page=True)

    return _shoot


def _walk(app: Flask, page: Page, shoot: Callable[[Page, str], None]) -> None:
    _enter(page)
    page.get_by_role("heading", name="Dashboard", exact=True).wait_for()
    shoot(page, "grace")
    page.goto(OWN)
    shoot(page, "none")
    page.get_by_role("button", name="Set up an app").click()
    shoot(page, "app")
    for path, name in ((f"{OWN}/passkeys/new", "new-passkey"), ("/users", "users")):
        page.goto(path)
        shoot(page, name)
    user = find_id(app, desk_data.HELPDESK[0])
    page.goto(f"/users/{user}/reset-factors")
    shoot(page, "reset")
    page.goto(f"/users/{user}")
    shoot(page, "user")
    page.context.clear_cookies()
    with app.app_context():
        admin = find_user(desk_data.ADMIN[0]).id
        _, made = set_up_app(admin)
        set_up_passkey(admin, made.token, origin=page.url.partition("/users")[0])
    _enter(page)
    shoot(page, "second-step")
    page.get_by_role("link", name="Use a passkey").click()
    shoot(page, "second-step-passkey")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(made.codes[0])
    page.get_by_role("button", name="Go on").click()
    page.goto(OWN)
    shoot(page, "all")
    page.goto("/confirm")
    shoot(page, "confirm")
    page.goto("/preferences")
    shoot(page, "preferences")
    page.goto(OWN)
    page.get_by_role("button", name="Make new codes").click()
    shoot(page, "codes")


def find_id(app: Flask, email: str) -> int:
    """The id of a person."""
    with app.app_context():
        return find_user(email).id


def _enter(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(desk_data.ADMIN[0])
    page.get_by_label("Password").fill(desk_data.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
