"""The mapping table in a browser: edits, conflicts, bulk changes; with and without a script."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.looks import in_each_look
from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.mapping_data import add_mappings, client_ids
from tests.support.rows import organization
from webapp import clock
from webapp.services.mapping.map_organizations import set_mapping

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
PATH = "/integrations/huntress/1/organizations"
MAPPED, AUTO, UNMAPPED, SIMILAR = (str(40_000 + n) for n in range(4))


@pytest.fixture
def helpdesk_id(app: Flask, request: pytest.FixtureRequest) -> int:
    """Sixteen organizations in every state, or as many as the test says; the id of the person who
    interferes.
    """
    with app.app_context():
        _, helpdesk = desk_data.add_people()
        desk_data.add_connection(clock.utcnow())
        add_mappings(1, clock.utcnow(), organizations=getattr(request, "param", 16))
        return helpdesk.id


def client_name(app: Flask, external_id: str) -> str | None:
    with app.app_context():
        names = {key: name for name, key in client_ids().items()}
        return names.get(organization(1, external_id).client_id)


def test_edited_saved_in_conflict_and_in_bulk(
    app: Flask, helpdesk_id: int, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, ADMIN)
    page.goto(PATH)
    bar, save = page.locator("[data-save-bar]"), page.locator("[data-save]")
    expect(bar).to_be_hidden()
    field = page.get_by_label("Client of Copperfield Dental", exact=True)
    field.fill("Ashford Dental")
    page.get_by_role("button", name="Dunmore Dental Ltd").click()
    expect(page.get_by_label("Client of Dunmore Dental")).to_have_value("Dunmore Dental Ltd")
    expect(save).to_have_text("Save 2 changes")
    expect(page.locator("tr.is-dirty")).to_have_count(2)
    assert client_name(app, SIMILAR) is None, "only filled in"

    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Dashboard").click()
    expect(bar).to_be_visible()
    assert asked == ["beforeunload"], "nobody leaves changes behind unasked"

    with app.app_context():
        birchwood = client_ids()["Birchwood Dental"]
        set_mapping(1, UNMAPPED, client_id=birchwood, actor_id=helpdesk_id)
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("1 row was changed by somebody else")
    row = page.get_by_role("row").filter(has=field)
    expect(row).to_contain_text(re.compile(rf"Changed .* by {HELPDESK[1]}"))
    expect(row).to_contain_text("Birchwood Dental, tickets on")
    expect(field).to_have_value("Ashford Dental")
    assert client_name(app, UNMAPPED) == "Birchwood Dental"
    expect(save).to_have_text("Save 2 changes")
    field.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("2 changes saved.")
    assert client_name(app, UNMAPPED) == "Ashford Dental"

    page.get_by_label("Create tickets for Ashford Dental").uncheck()
    expect(save).to_have_text("Save 1 change")
    page.locator("[data-discard]").click()
    expect(bar).to_be_hidden()
    expect(page.get_by_label("Create tickets for Ashford Dental")).to_be_checked()

    expect(page.get_by_role("button", name="Exclude")).to_be_hidden()
    expect(page.locator("[data-bulk-count]")).to_contain_text("create clients from them")
    page.get_by_label("All on this page").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("16 selected")
    page.get_by_label("All on this page").uncheck()
    page.get_by_label("Select Birchwood Dental").check()
    page.get_by_role("button", name="Exclude").click()
    expect(page.get_by_role("status").first).to_contain_text("1 organization excluded")
    with app.app_context():
        assert organization(1, AUTO).creates_tickets is False


@pytest.mark.parametrize("helpdesk_id", [60], indirect=True)
def test_rows_of_other_pages_are_selected_too(
    app: Flask, helpdesk_id: int, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, ADMIN)
    page.goto(PATH)
    every = page.get_by_label("All 60, on every page")
    every.check()
    expect(page.locator("[data-bulk-count]")).to_have_text("All of them are selected")
    page.get_by_label("Select Birchwood Dental", exact=True).uncheck()
    expect(every).not_to_be_checked()
    expect(page.locator("[data-bulk-count]")).to_have_text("49 selected")
    every.check()
    page.get_by_role("button", name="Exclude").click()
    expect(page.get_by_role("status").first).to_contain_text("60 organizations excluded")


@pytest.mark.parametrize("helpdesk_id", [60], indirect=True)
def test_changes_outlive_moving_about_in_the_table(
    app: Flask, helpdesk_id: int, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    sign_in(page, ADMIN)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"{PATH}?page=2")
    bar, save = page.locator("[data-save-bar]"), page.locator("[data-save]")
    words = page.locator("[data-save-words]")
    field = page.get_by_label("Client of Copperfield Dental", exact=True)
    page.get_by_label("Client of Glenwood Accounting").fill("Ashford Dental")
    page.get_by_role("link", name="Previous").click()
    expect(words).to_have_text("1 row changed, not saved yet: on other pages of the table.")
    field.fill("Ashford Dental")
    page.get_by_label("Create tickets for Dunmore Dental", exact=True).uncheck()
    expect(words).to_have_text("3 rows changed, not saved yet: 1 on other pages.")

    page.get_by_label("Search").fill("nothing has this name")
    page.get_by_label("Search").press("Enter")
    page.get_by_text("No organization fits these filters").wait_for()
    expect(save).to_have_text("Save 3 changes")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="Excluded").click()
    page.get_by_label("Select Fairview Dental", exact=True).check()
    page.get_by_role("button", name="Include").click()
    expect(page.get_by_role("status").first).to_contain_text("1 organization included again.")

    with app.app_context():
        birchwood = client_ids()["Birchwood Dental"]
        set_mapping(1, UNMAPPED, client_id=birchwood, actor_id=helpdesk_id)
    save.click()
    expect(page.get_by_role("alert")).to_contain_text("1 row was changed by somebody else")
    expect(page.get_by_role("row").filter(has=field)).to_contain_text("Birchwood Dental, tickets")
    expect(field).to_have_value("Ashford Dental")
    page.get_by_label("Order").select_option("By name, Z first")
    expect(save).to_have_text("Save 3 changes")
    save.click()
    expect(page.get_by_role("status").first).to_contain_text("3 changes saved.")
    expect(bar).to_be_hidden()
    assert page.url.endswith("&sort=name-down&size=50"), "where one was"
    with app.app_context():
        assert organization(1, SIMILAR).creates_tickets is False
    assert client_name(app, UNMAPPED) == "Ashford Dental"
    assert client_name(app, "40027") == "Ashford Dental"

    for leave in ("Discard all 1", "Sign out"):
        page.goto(PATH)
        field.fill("Nobody")
        page.get_by_role("link", name="Auto-matched").click()
        expect(save).to_have_text("Save 1 change")
        assert not asked, "nothing is left behind yet"
        if leave == "Sign out":
            page.locator("summary", has_text=ADMIN[1]).click()
            page.get_by_role("button", name=leave).click()
            sign_in(page, ADMIN)
        else:
            page.get_by_role("link", name=leave).click()
        expect(bar).to_be_hidden()
        page.goto(PATH)
        expect(field).to_have_value("Ashford Dental")
        expect(bar).to_be_hidden()
    assert asked == ["beforeunload"], "signing out is asked about"


def test_it_all_works_without_a_script(
    app: Flask, helpdesk_id: int, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, ADMIN)
    page.goto(f"{PATH}?q=dental")
    page.get_by_label("Client of Copperfield Dental", exact=True).fill("Ashford Dental")
    page.get_by_role("button", name="Dunmore Dental Ltd").click()
    expect(page.get_by_label("Client of Dunmore Dental")).to_have_value("Dunmore Dental Ltd")
    expect(page.locator("tr.is-dirty")).to_have_count(2)
    page.get_by_label("Client of Copperfield Dental", exact=True).press("Enter")
    expect(page.get_by_text("2 changes saved.")).to_be_visible()
    assert client_name(app, UNMAPPED) == "Ashford Dental"
    assert client_name(app, SIMILAR) == "Dunmore Dental Ltd"
    page.get_by_label("Select Elmhurst Dental").check()
    page.get_by_role("button", name="Create clients").click()
    page.get_by_label("Create", exact=True).check()
    page.get_by_label("Name of the new client").fill("Elmhurst Teeth")
    page.get_by_role("button", name="Create and link").click()
    expect(page.get_by_text("1 client created, 1 organization linked.")).to_be_visible()
    assert client_name(app, "40004") == "Elmhurst Teeth"
    assert page.url.endswith("?q=dental"), "back where one was"


@in_each_look
def test_accessibility(
    helpdesk_id: int,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Callable[[Page], None],
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, ADMIN)
    for path in ("", "?q=nothing", "/import", "/new-clients?every=1", "?only=40002"):
        page.goto(PATH + path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(PATH)
    words, box = (page.locator(f"td.col-tickets {one}").first for one in (".phone-words", "input"))
    if width < 400:
        assert words.bounding_box()["x"] >= box.bounding_box()["x"] + box.bounding_box()["width"]
    page.get_by_label("Client of Copperfield Dental", exact=True).fill("Nobody")
    page.get_by_label("Select Birchwood Dental").check()
    page.locator("[data-save]").click()
    page.get_by_role("alert").wait_for()
    check_accessibility(page)
    for content, shown in (
        ("id,client\n40000,Nobody\n", "Wrong"),
        ("id,client,tickets\n40000,,no\n", "Changed"),
        ("number,client\n40000,\n", "Which column is what?"),
    ):
        page.goto(f"{PATH}/import")
        file = {"name": "x.csv", "mimeType": "text/csv", "buffer": content.encode()}
        page.get_by_label("CSV file").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("heading", name=shown, exact=True).wait_for()
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
