"""Pictures of the ticket list."""

from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.screenshots import (
    NARROW,
    WIDE,
    every_look,
    served_desk,
    shoot,
    sign_in,
    take,
)
from tests.support.desk_data import ADMIN
from webapp.services.people.users import find_user
from webapp.services.tickets.saved_views import save_view


def document_pictures(browser: Browser, folder: Path) -> None:
    """The ticket list itself is shown by `screenshots`."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Filters, selections, views, shortcuts, empty and refused."""
    with served_desk() as (app, url):
        with app.app_context():
            admin = find_user(ADMIN[0]).id
            save_view("Ransomware this week", "q=ransom&within=168", actor_id=admin)
            save_view("Service desk", "board=3", actor_id=admin, is_shared=True)
        paths = {
            "worklist": "/tickets",
            "worklist-filtered": "/tickets?q=host&assignee=nobody&severity=high&older_than=24",
            "worklist-none": "/tickets?q=nothing-like-it&board=999",
            "worklist-views": "/tickets/views",
        }
        shown = [picture for name, path in paths.items() for picture in every_look(name, path)]
        take(browser, url, shown, folder)
        for scheme in ("light", "dark"):
            for label, (width, height) in (("wide", WIDE), ("narrow", NARROW)):
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                sign_in(page, url)
                _states(page, url, folder, f"{scheme}-{label}")
                page.close()


def _states(page: Page, url: str, folder: Path, look: str) -> None:
    page.goto(f"{url}/tickets")
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    shoot(page, folder, f"worklist-selected-{look}")
    page.get_by_label("Set priority").select_option("Low")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Undo").wait_for()
    shoot(page, folder, f"worklist-changed-{look}")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone").wait_for()
    page.keyboard.press("?")
    shoot(page, folder, f"worklist-shortcuts-{look}")
    page.keyboard.press("Escape")
    page.locator(".filter-more summary").click()
    shoot(page, folder, f"worklist-more-{look}")
    page.goto(f"{url}/tickets?severity=high")
    page.locator(".save-view summary").click()
    shoot(page, folder, f"worklist-save-{look}")
    page.get_by_label("Name of the view").fill("Service desk")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("already").wait_for()
    shoot(page, folder, f"worklist-refused-{look}")
