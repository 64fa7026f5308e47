"""On-call duty: nothing set up, a rotation with overrides, what helpdesk sees, refusals."""

from datetime import timedelta
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser

from tests.browser.screenshots import (
    NARROW,
    WIDE,
    every_look,
    served_desk,
    shoot,
    sign_in,
    take,
)
from tests.support import desk_data
from webapp import clock
from webapp.services.on_call.edit_overrides import add_override
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.people.users import add_user, find_user

COLLEAGUES = (("cleo@example.com", "Cleo Marchetti"), ("dai@example.com", "Dai Pritchard"))
PATH = "/on-call"


def document_pictures(browser: Browser, folder: Path) -> None:
    """The documents do not show this page."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Empty, filled, wrong."""
    with served_desk() as (app, url):
        take(browser, url, every_look("on-call-empty", PATH), folder)
        with app.app_context():
            fill()
        take(browser, url, every_look("on-call", PATH), folder)
        take(browser, url, every_look("on-call-dashboard", "/"), folder)
        as_helpdesk(browser, url, folder)
        wrong_forms(browser, app, url, folder)


def fill() -> None:
    """A weekly rotation of four and two overrides."""
    for email, name in COLLEAGUES:
        add_user(email=email, name=name, password=desk_data.PASSWORD, role="helpdesk")
    emails = [desk_data.ADMIN[0], desk_data.HELPDESK[0], *(one[0] for one in COLLEAGUES)]
    people = [find_user(email).id for email in emails]
    set_rotation(RotationValues("weekly", 0, "09:00", "Europe/Berlin", people))
    now = clock.utcnow()
    add_override(people[2], now + timedelta(hours=5), now + timedelta(hours=17), reason="Dentist")
    add_override(people[1], now + timedelta(days=9), now + timedelta(days=10), actor_id=people[0])


def as_helpdesk(browser: Browser, url: str, folder: Path) -> None:
    """The page without the forms for admins."""
    for name, (width, height) in (("wide", WIDE), ("narrow", NARROW)):
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        sign_in(page, url, desk_data.HELPDESK)
        page.goto(url + PATH)
        shoot(page, folder, f"on-call-helpdesk-{name}", whole=True)
        context.close()


def wrong_forms(browser: Browser, app: Flask, url: str, folder: Path) -> None:
    """Forms that were refused, the address of the calendar."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
    page = context.new_page()
    sign_in(page, url)
    page.goto(url + PATH)
    page.get_by_role("button", name="Add override").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "on-call-override-error", whole=True)
    page.get_by_label("In the time zone").fill("Atlantis")
    page.get_by_role("button", name="Save rotation").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, "on-call-rotation-error", whole=True)
    page.get_by_role("button", name="Make an address").click()
    page.get_by_label("Address of the calendar").wait_for()
    shoot(page, folder, "on-call-calendar")
    context.close()
