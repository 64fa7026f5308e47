"""Pictures of the mapping table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page

from tests.browser.screenshots import (
    NARROW,
    WIDE,
    every_look,
    served_desk,
    set_connection,
    shoot,
    sign_in,
    take,
)
from tests.support import desk_data
from tests.support.mapping_data import add_mappings
from webapp import clock
from webapp.services.mapping.map_organizations import set_mapping

PATH = "/integrations/huntress/1/organizations"
GOOD_FILE = "organization id;client;create tickets\n40000;Birchwood Dental;yes\n40002;;no\n"
BAD_FILE = "organization id,client,create tickets\n40000,Nobody,maybe\n99,,yes\n40001,,\n40001,,\n"
LOOKS = [("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW)]


def document_pictures(browser: Browser, folder: Path) -> None:
    """The table as the README shows it."""
    with served_desk() as (app, url), _page(browser, url, "light", WIDE) as page:
        _fill(app)
        page.goto(url + PATH)
        shoot(page, folder, "organizations")


def all_pictures(browser: Browser, folder: Path) -> None:
    """Every page and state."""
    with served_desk() as (app, url):
        _fill(app)
        take(browser, url, every_look("mapping", PATH), folder)
        take(browser, url, every_look("mapping-none-found", f"{PATH}?q=nothing"), folder)
        take(browser, url, every_look("mapping-file", f"{PATH}/import"), folder)
        wanted = "&".join(f"org={number}" for number in (40002, 40003, 40004, 40010, 40011))
        take(browser, url, every_look("mapping-clients", f"{PATH}/new-clients?{wanted}"), folder)
        for scheme, size in LOOKS:
            with _page(browser, url, scheme, size) as page:
                name = f"{scheme}-{'wide' if size == WIDE else 'narrow'}"
                _edited(app, page, folder, name)
                _imports(page, folder, name)
        set_connection(app, api_key=None)
        take(browser, url, every_look("mapping-disconnected", PATH), folder)
    with served_desk(is_filled=False) as (app, url):
        with app.app_context():
            _empty()
        take(browser, url, every_look("mapping-empty", PATH), folder)


def _fill(app: Flask) -> None:
    with app.app_context():
        add_mappings(1, clock.utcnow(), organizations=60)


def _empty() -> None:
    desk_data.add_people()
    desk_data.add_connection(clock.utcnow())


@contextmanager
def _page(browser: Browser, url: str, scheme: str, size: tuple[int, int]) -> Iterator[Page]:
    context = browser.new_context(
        base_url=url, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    page = context.new_page()
    sign_in(page, url)
    yield page
    context.close()


def _edited(app: Flask, page: Page, folder: Path, name: str) -> None:
    """Dirty rows and selected ones, also of other pages, then an unknown client and a conflict."""
    page.goto(f"{PATH}?q=4000")
    page.get_by_label("Client of Ashford Dental").fill("Birchwood Dental")
    page.get_by_label("Client of Copperfield Dental").fill("Nobody knows it")
    page.get_by_label("Select Birchwood Dental").check()
    shoot(page, folder, f"mapping-dirty-{name}", whole=True)
    page.get_by_role("link", name="Excluded").click()
    page.get_by_label("Create tickets for Fairview Dental").check()
    shoot(page, folder, f"mapping-elsewhere-{name}")
    page.get_by_label("Create tickets for Fairview Dental").uncheck()
    page.locator(".list-tabs a").first.click()
    page.get_by_role("button", name="Save 2 changes").click()
    page.get_by_role("alert").wait_for()
    shoot(page, folder, f"mapping-problem-{name}", whole=True)
    with app.app_context():
        set_mapping(1, "40000", client_id=None, actor_id=2)
        set_mapping(1, "40000", tickets=False, actor_id=2)
    page.get_by_label("Client of Copperfield Dental").fill("")
    page.locator("[data-save]").click()
    page.get_by_text("Theirs").wait_for()
    shoot(page, folder, f"mapping-conflict-{name}", whole=True)
    with app.app_context():
        set_mapping(1, "40000", tickets=True, actor_id=2)


def _imports(page: Page, folder: Path, name: str) -> None:
    for kind, content, shown in (
        ("changes", GOOD_FILE, "Changed"),
        ("errors", BAD_FILE, "Wrong"),
        ("columns", GOOD_FILE.replace("id", "number", 1), "Which column is what?"),
    ):
        page.goto(f"{PATH}/import")
        file = {"name": "clients.csv", "mimeType": "text/csv", "buffer": content.encode()}
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("heading", name=shown, exact=True).wait_for()
        shoot(page, folder, f"mapping-import-{kind}-{name}", whole=True)
