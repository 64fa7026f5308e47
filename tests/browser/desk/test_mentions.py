"""Two people on one ticket: one mentions the other, whose bell tells it; a note is edited."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
NOTE = "Add internal note"


@pytest.fixture
def path(app: Flask, desk: Desk) -> str:
    return "/tickets/1"


def test_a_mention_is_typed_told_read_and_corrected(
    path: str, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    ada, bo = open_page(), open_page()
    sign_in(ada, ADMIN)
    sign_in(bo, HELPDESK)
    bo.goto(path)
    note = bo.get_by_label(NOTE)
    note.focus()
    bo.keyboard.type("mail a@b.example, then @lind")
    people = bo.get_by_role("listbox", name="People to mention")
    expect(people.get_by_role("option")).to_have_text(["Bo Lindqvist"])
    bo.keyboard.press("Escape")
    expect(people).to_be_hidden()
    for _ in range(4):
        bo.keyboard.press("Backspace")
    expect(people.get_by_role("option")).to_have_text(["Ada Okafor", "Bo Lindqvist"])
    bo.keyboard.press("ArrowDown")
    bo.keyboard.press("ArrowUp")
    bo.keyboard.press("Enter")
    bo.evaluate("scrollTo(0, 0)")  # so that the line on top covers nothing
    check_accessibility(bo)
    expect(note).to_have_value("mail a@b.example, then @Ada Okafor ")
    bo.keyboard.type(r"\\srv\share")
    bo.keyboard.press("Control+Enter")
    entry = bo.locator("li.timeline-row").last
    expect(entry.locator(".mention")).to_have_text("@Ada Okafor")
    expect(entry).to_contain_text(r"\\srv\share")

    ada.goto("/")
    bell = ada.get_by_role("link", name="Bell, 1 unread")
    bell.click()
    check_accessibility(ada)
    ada.locator("ul.rows").get_by_role("button").first.click()
    expect(ada.locator("li.timeline-row:target")).to_contain_text(r"\\srv\share")
    expect(ada.get_by_role("link", name="Bell", exact=True)).to_be_visible()

    entry.get_by_role("link", name="edit this note").click()
    check_accessibility(bo)
    bo.get_by_label("Your note").fill("Done.")
    bo.get_by_role("button", name="Save").click()
    expect(bo.locator("li.timeline-row").last).to_contain_text("edited just now")
    bo.get_by_role("link", name="history of this note").click()
    expect(bo.get_by_text(r"\\srv\share")).to_be_visible()
    check_accessibility(bo)


def test_the_page_itself_marks_as_read_what_the_bell_told(
    path: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    ada, bo = open_page(), open_page()
    sign_in(ada, ADMIN)
    sign_in(bo, HELPDESK)
    ada.goto(path)
    ada.get_by_role("button", name="Watch", exact=True).click()
    bo.goto(path)
    bo.get_by_label(NOTE).fill("Something new.")
    bo.get_by_role("button", name="Add note").click()
    expect(bo.get_by_text("Something new.")).to_be_visible()
    ada.goto("/tickets")
    expect(ada.get_by_role("link", name="Bell, 1 unread")).to_be_visible()
    ada.goto(path)
    expect(ada.get_by_role("link", name="Bell", exact=True)).to_be_visible()
    expect(ada.get_by_text("in your bell")).to_be_hidden()
    ada.goto("/bell")
    expect(ada.get_by_text("changed it")).to_be_visible()
    expect(ada.get_by_text("Unread", exact=True)).to_have_count(1)
