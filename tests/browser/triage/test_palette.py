"""Ctrl+K: tickets, pages and actions, as a combobox that screen readers know."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import HELPDESK, PASSWORD, Desk
from tests.support.security.auditors import AUDITOR, add_auditor
from webapp import clock
from webapp.models import Ticket
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
ATTACK = "<img src=x onerror=window.attacked=1>ZEBRA"


def change_third(app: Flask, **values: object) -> None:
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 3)
        for name, value in values.items():
            setattr(ticket, name, value)


def test_tickets_pages_and_actions_are_found(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    change_third(
        app,
        title=ATTACK,
        text_edited_by_person_at=clock.utcnow(),
        subject_name="DC-NORTH-7",
        subject_key="host:dc-north-7",
        closed_at=None,
        assignee_id=None,
    )
    page = open_page()
    sign_in(page, HELPDESK)
    field = page.get_by_role("combobox", name="Find anything")
    options = page.get_by_role("option")
    chosen = page.locator("[role=option][aria-selected=true]")

    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    expect(options.filter(has_text="Preferences")).to_be_visible()
    check_accessibility(page)
    for typed in ("TKT-000003", "3", "dc-north", "zebra"):
        field.fill(typed)
        expect(chosen).to_contain_text(f"TKT-000003 {ATTACK}")
        expect(page.locator("[data-palette-words]")).to_contain_text("found")
    field.fill("dc-north")
    expect(chosen).to_contain_text("TKT-000003")
    field.fill("nothing like it")
    page.keyboard.press("Enter")  # before the answer: what was found before is not opened
    expect(page.locator("[data-palette-words]")).to_have_text("Nothing found")
    field.fill("zebra")
    expect(chosen).to_contain_text("TKT-000003")
    assert page.evaluate("window.attacked") is None
    check_accessibility(page)
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    field.fill("nothing like it")
    field.fill("zebr")
    page.keyboard.press("Enter")  # it waits for the answer
    page.wait_for_url("**/tickets/3")
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.keyboard.type("priority")
    expect(chosen).to_contain_text("Choose the priority")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Priority")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("take this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The ticket was updated.")).to_be_visible()

    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    first = chosen.inner_text()
    page.keyboard.press("ArrowUp")
    assert chosen.inner_text() != first
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() == first
    page.keyboard.type("incidents")
    expect(chosen).to_have_text("Incidents")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents")
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.keyboard.type("shortcuts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    check_accessibility(page)
    page.keyboard.press("Escape")

    page.context.clear_cookies()
    page.keyboard.press("Control+k")
    page.keyboard.type("zebra")
    expect(page.locator("[data-palette-words]")).to_have_text("You have been signed out meanwhile.")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_an_auditor_is_offered_what_they_may_do(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    with app.app_context():
        add_auditor(PASSWORD)
    page = open_page()
    sign_in(page, AUDITOR)
    page.goto("/tickets/3")
    page.keyboard.press("Control+k")
    options = page.get_by_role("option")
    expect(options.filter(has_text="Print this ticket")).to_be_visible()
    for words in ("New ticket", "Take this ticket", "Close this ticket", "Edit this ticket"):
        expect(options.filter(has_text=words)).to_have_count(0)
