"""On-call duty is set up, two people swap, somebody takes a shift."""

from collections.abc import Callable
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.test_keyboard import tab_to
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.on_call.rotations import add_user_row, rotate

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 1440), ("dark", 390)]


def look_at(page: Page, check_accessibility: Check) -> None:
    """Run axe on the page wide and on a phone, where nothing is cut off at the side."""
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def names(page: Page) -> list[str]:
    """Who has the shifts that the page lists."""
    return page.get_by_role("rowheader").all_inner_texts()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_a_rotation_with_a_swap(
    desk: Desk, open_page: OpenPage, sign_in: SignIn, has_script: bool
) -> None:
    page = open_page(java_script_enabled=has_script)
    sign_in(page, ADMIN)
    page.get_by_role("link", name="On call").first.click()
    expect(page.get_by_text("There is no rotation")).to_be_visible()
    page.get_by_role("radio", name="Every week").check()
    page.get_by_label("In the time zone").fill("Berlin")
    page.get_by_label("1 (on call now)").select_option(label=ADMIN[1])
    page.get_by_label("2", exact=True).select_option(label=HELPDESK[1])
    page.get_by_role("button", name="Save rotation").click()
    expect(page.get_by_text("The rotation was saved.")).to_be_visible()
    assert names(page)[:3] == [ADMIN[1], HELPDESK[1], ADMIN[1]]
    first = page.get_by_label("One shift").locator("option").nth(1).inner_text()
    second = page.get_by_label("With", exact=True).locator("option").nth(2).inner_text()
    page.get_by_label("One shift").select_option(label=first)
    page.get_by_label("With", exact=True).select_option(label=second)
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_text("The two shifts are swapped.")).to_be_visible()
    assert names(page)[:3] == [ADMIN[1], f"{ADMIN[1]} override", f"{HELPDESK[1]} override"]
    page.get_by_role("link", name="Dashboard").first.click()
    card = page.get_by_role("region", name="On call")
    expect(card).to_contain_text(f"On call now {ADMIN[1]}")


def test_a_shift_is_taken_by_keyboard_and_given_back(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    with app.app_context():
        rotate(desk.admin_id, desk.helpdesk_id)
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/on-call")
    tab_to(page, "I take this shift")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The shift is yours.")).to_be_visible()
    assert names(page)[0] == f"{HELPDESK[1]} override"
    tab_to(page, "the override of")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The override is ended.")).to_be_visible()
    assert names(page)[0] == ADMIN[1]


def test_every_state_is_accessible_wide_and_on_a_phone(
    app: Flask,
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/on-call")
    look_at(page, check_accessibility)
    with app.app_context():
        rotate(desk.admin_id, desk.helpdesk_id, add_user_row("Cleo"))
    page.goto("/on-call")
    page.get_by_role("button", name="I take this shift").first.click()
    expect(page.get_by_text("The shift is yours.")).to_be_visible()
    page.get_by_text("Delete rotation…").click()
    look_at(page, check_accessibility)
    page.get_by_role("button", name="Add override").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look_at(page, check_accessibility)
    page.get_by_label("In the time zone").fill("Atlantis")
    page.get_by_role("button", name="Save rotation").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look_at(page, check_accessibility)
    page.goto("/")
    look_at(page, check_accessibility)
    page.goto("/on-call")
    page.get_by_role("button", name="Make an address").click()
    expect(page.get_by_label("Address of the calendar")).to_be_visible()
    look_at(page, check_accessibility)
