"""An admin sets the desk up: clients from a file, priorities in order, and pages for everybody."""

from collections.abc import Callable
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.pictures import desk as pictures
from tests.support.desk_data import ADMIN, Desk
from webapp.services.desk.read_desk import list_priorities

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
LOOKS: list[list[tuple[Literal["light", "dark"], int]]] = [
    [("light", 1440), ("dark", 390)],
    [("dark", 1440), ("light", 390)],
]
"""Each page in two of the four looks, in turns: both colours and both widths."""


def choose_file(page: Page, text: str) -> None:
    payload: FilePayload = {"name": "c.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("CSV file").set_input_files(payload)
    page.get_by_role("button", name="Upload").click()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_clients_from_a_file_that_is_wrong_at_first(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, has_script: bool
) -> None:
    page = open_page(java_script_enabled=has_script)
    sign_in(page, ADMIN)
    page.get_by_role("link", name="Clients").first.click()
    page.get_by_role("link", name="Import").click()
    choose_file(page, pictures.WRONG_CSV)
    expect(page.get_by_label("Name")).to_have_value("0")
    page.get_by_role("button", name="Show preview").click()
    expect(page.get_by_text("3 rows are wrong.")).to_be_visible()
    wrong = page.get_by_role("table", name="Wrong rows")
    expect(wrong.get_by_role("row").nth(1)).to_contain_text('"perhaps" is neither yes nor no.')
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    page.get_by_role("link", name="Upload another file").click()
    choose_file(page, pictures.GOOD_CSV)
    page.get_by_role("button", name="Show preview").click()
    page.get_by_role("button", name="Import 4 clients").click()
    expect(page.get_by_text("Imported: 4 clients added, 0 changed.")).to_be_visible()
    page.get_by_label("Search name and external reference").fill("C-2001")
    page.get_by_label("Search name and external reference").press("Enter")
    expect(page.get_by_role("link", name="Alder Street Dental")).to_be_visible()
    page.get_by_role("link", name="Alder Street Dental").click()
    page.get_by_text("Delete client…").click()
    page.get_by_role("button", name="Delete client").click()
    expect(page.get_by_text("The client was deleted.")).to_be_visible()


def test_priorities_are_put_into_order_by_keyboard(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.get_by_role("link", name="Desk settings").first.click()
    page.get_by_role("link", name="Priorities").click()
    page.get_by_role("button", name="Move Low up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The order was saved.")).to_be_visible()
    expect(page.locator("a.row-link")).to_have_text(["Critical", "High", "Low", "Medium"])
    with app.app_context():
        assert [one.row.name for one in list_priorities()] == ["Critical", "High", "Low", "Medium"]
    page.get_by_label("Name").fill("Whenever")
    page.get_by_label("Purple").check()
    page.get_by_role("button", name="Add priority").click()
    expect(page.locator("a.row-link").last).to_have_text("Whenever")


@pytest.mark.soak
def test_every_page_is_accessible(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
) -> None:
    with app.app_context():
        client_id, asset_id = pictures.fill()
        wrong, good = (pictures.upload(text) for text in (pictures.WRONG_CSV, pictures.GOOD_CSV))
    page = open_page()
    sign_in(page, ADMIN)
    paths = [
        *pictures.PATHS.values(),
        f"/clients/{client_id}",
        f"/assets/{asset_id}",
        "/desk/categories/2",
        f"/clients/import/{wrong}/columns",
        f"/clients/import/{wrong}",
        f"/clients/import/{good}",
    ]
    for number, path in enumerate(paths):
        page.goto(path)
        for summary in page.locator("details.confirm summary").all():
            summary.click()
        for scheme, width in LOOKS[number % 2]:
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            check_accessibility(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto("/desk/priorities")
    page.get_by_role("button", name="Add priority").click()
    page.get_by_role("alert").wait_for()
    check_accessibility(page)
