"""Policies in a real browser: the offer is taken, one is edited with steps and a preview."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.receivers.notices_data import add_target

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 1440), ("dark", 390)]


def look_at(page: Page, name: str, check_accessibility: Check) -> None:
    """Run axe wide and on a phone, where nothing is cut off; take pictures if they are wanted."""
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("TEST_PICTURES"):
            page.screenshot(path=Path(folder) / f"policies-{name}-{width}.png", full_page=True)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_from_the_warning_to_policies_that_reach_somebody(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    has_script: bool,
) -> None:
    with app.app_context():
        add_target("SOC channel", tells_alarms=True)
        add_target("Managers")
    page = open_page(java_script_enabled=has_script)

    def look(name: str) -> None:
        if has_script:  # axe is a script
            look_at(page, name, check_accessibility)

    sign_in(page, ADMIN)
    expect(page.get_by_text("Criticals reach nobody.")).to_be_visible()
    look("dashboard")
    page.get_by_role("link", name="Choose who is told").click()
    expect(page.get_by_text("No mail server is set up.")).to_be_visible()
    page.get_by_label("High incidents go to").select_option(label="SOC channel")
    page.get_by_label("In the time zone").fill("Berlin")
    look("offer")
    page.get_by_role("button", name="Take these policies").click()
    expect(page.get_by_text("The policies are in place.")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_have_count(3)
    look("list")

    page.get_by_role("link", name="Critical incidents").click()
    page.get_by_role("button", name="Add a step").click()
    last = page.get_by_role("group", name="If nobody took it: step 4")
    last.get_by_label("After").fill("30")
    last.get_by_label("Managers").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="The last 30 days")).to_be_visible()
    expect(page.get_by_text("As saved now")).to_be_visible()
    look("preview")
    page.get_by_role("button", name="Remove step 2").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Critical incidents was saved.")).to_be_visible()
    expect(page.get_by_text("Managers after 40 minutes")).to_be_visible()
    page.get_by_role("button", name="Move High incidents up").click()
    expect(page.get_by_role("rowheader").first).to_contain_text("High incidents")


def test_mistakes_and_an_empty_list(
    desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/notifications/policies")
    look_at(page, "empty", check_accessibility)
    page.get_by_role("link", name="Add policy").click()
    page.get_by_label("Repeat the last step").fill("many")
    page.get_by_text("Clients: any").click()
    look_at(page, "new", check_accessibility)
    page.get_by_role("button", name="Add policy").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a name.")
    expect(page.get_by_label("Repeat the last step")).to_have_value("many")
    look_at(page, "mistakes", check_accessibility)


def test_enter_in_a_field_saves(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/notifications/policies/new")
    page.get_by_label("Name").fill("By keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("By keyboard was added.")).to_be_visible()


def test_everybody_is_warned(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    expect(page.get_by_text("Criticals reach nobody.")).to_be_visible()
    expect(page.get_by_text("Ask an admin to choose who is told.")).to_be_visible()
