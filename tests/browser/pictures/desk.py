"""Clients, assets, the desk's settings, CSV imports."""

from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser

from tests.browser.screenshots import (
    NARROW,
    Picture,
    every_look,
    served_desk,
    shoot,
    sign_in,
    take,
)
from tests.support import desk_data
from webapp.models import Client
from webapp.services.csv_uploads import store_upload
from webapp.services.desk.delete_guard import deactivate_row
from webapp.services.desk.edit_assets import AssetValues, add_asset
from webapp.services.desk.edit_boards import add_category
from webapp.services.desk.edit_clients import ClientValues, add_client
from webapp.services.people.users import find_user
from webapp.services.transactions import reading

WRONG_CSV = (
    "Company;Comment;Customer number;Status\n"
    "Alder Street Dental;New this year;C-2001;yes\n"
    "Birchwood Logistics;;C-2002;perhaps\n"
    ";No name;;\n"
    "Client 07 Ltd;Moved to Leeds;C-1999;yes\n"
    "alder street dental;Again;;\n"
)
GOOD_CSV = WRONG_CSV.replace("perhaps", "no").replace(";No name;;\n", "").replace("alder", "old")
PATHS = {
    "clients": "/clients",
    "client-new": "/clients/new",
    "assets": "/assets",
    "desk-boards": "/desk",
    "desk-board": "/desk/boards/1",
    "desk-priorities": "/desk/priorities",
    "desk-priority": "/desk/priorities/1",
    "desk-statuses": "/desk/statuses",
    "desk-response-times": "/desk/response-times?offer=1",
    "desk-status": "/desk/statuses/3",
    "desk-numbers": "/desk/ticket-numbers",
    "desk-configuration": "/desk/configuration",
    "client-import": "/clients/import",
    "client-fallback": "/clients/1",
}


def document_pictures(browser: Browser, folder: Path) -> None:
    """The documents show none of these pages."""


def all_pictures(browser: Browser, folder: Path) -> None:
    """Full, empty, wrong."""
    with served_desk() as (app, url):
        with app.app_context():
            client_id, asset_id = fill()
            uploads = [upload(text) for text in (WRONG_CSV, GOOD_CSV)]
        paths = {
            **PATHS,
            "client": f"/clients/{client_id}",
            "asset": f"/assets/{asset_id}",
            "import-columns": f"/clients/import/{uploads[0]}/columns",
            "import-errors": f"/clients/import/{uploads[0]}",
            "import-preview": f"/clients/import/{uploads[1]}",
        }
        take(
            browser,
            url,
            [one for name, path in paths.items() for one in every_look(name, path)],
            folder,
        )
        wrong_forms(browser, app, url, folder)
    empty_pages(browser, folder)


def fill() -> tuple[int, int]:
    """Sixty clients, some inactive, and assets; returns a client's and an asset's id."""
    with reading() as session:
        known = session.query(Client).filter(Client.id > 1).first().id
    added = [
        add_client(ClientValues(f"Client {number:02} Ltd", external_reference=f"C-{number + 1000}"))
        for number in range(60)
    ]
    for one in added[::9]:
        deactivate_row(Client, one.id)
    for number in range(14):
        serial = f"5CG{number + 40210}XK" if number % 3 else None
        kind = "Server" if number % 5 == 0 else "Laptop"
        asset = add_asset(AssetValues(known, f"WS-{number + 1:03}", serial, kind, f"A-{number}"))
    add_category(1, "Malware")
    phishing = add_category(1, "Phishing")
    add_category(1, "Credential theft", phishing.id)
    add_category(1, "Business e-mail compromise", phishing.id)
    return known, asset.id


def upload(text: str) -> int:
    """A client import that waits."""
    return store_upload(
        "clients", "clients from PSA.csv", text.encode(), find_user(desk_data.ADMIN[0]).id
    ).id


def wrong_forms(browser: Browser, app: Flask, url: str, folder: Path) -> None:
    """Refusals, and a collision of two people."""
    for suffix, size in (("", (1440, 900)), ("-n", NARROW)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        sign_in(page, url)
        page.goto(f"{url}/clients/new")
        page.get_by_label("Name").fill("client 01 ltd")
        page.get_by_role("button", name="Add client").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, f"client-error{suffix}")
        page.goto(f"{url}/desk/priorities/2")
        other = context.new_page()
        other.goto(f"{url}/desk/priorities/2")
        other.get_by_label("Name").fill(f"Urgent{suffix}")
        other.get_by_role("button", name="Save").click()
        page.get_by_label("Name").fill("Very high")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("alert").wait_for()
        shoot(page, folder, f"conflict{suffix}")
        page.goto(f"{url}/clients/20")
        page.locator("details.confirm summary").first.click()
        shoot(page, folder, f"client-delete{suffix}", whole=True)
        context.close()


def empty_pages(browser: Browser, folder: Path) -> None:
    """A desk with nothing but what it starts with."""
    with served_desk(is_filled=False) as (app, url):
        with app.app_context():
            desk_data.add_people()
        take(
            browser,
            url,
            [
                Picture("empty-clients", "/clients"),
                Picture("empty-inactive", "/clients?state=inactive", "dark"),
                Picture("empty-assets", "/assets"),
                Picture("empty-assets-n", "/assets", "dark", NARROW),
                Picture("empty-search", "/clients?q=nothing"),
                Picture("empty-board", "/desk/boards/3"),
            ],
            folder,
        )
