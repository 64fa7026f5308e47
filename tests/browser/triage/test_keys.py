"""A morning by keyboard alone: the list, tickets, and back to the same row."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.support.desk_data import HELPDESK, Desk
from webapp.models import Alert, Ticket
from webapp.services.transactions import reading, transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
ROW = "#ticket-{}"


@pytest.fixture
def listed(app: Flask, desk: Desk) -> list[int]:
    """The open tickets that nobody has, the oldest first."""
    with app.app_context(), transaction() as session:
        session.execute(
            update(Ticket).values(
                assignee_id=None, status_id=1, priority_id=2, closed_at=None, client_id=2
            )
        )
        session.execute(update(Alert).values(was_closed=True, steps_left=0))
    with app.app_context(), reading() as session:
        rows = session.query(Ticket.id).order_by(Ticket.reported_at, Ticket.id)
        return [row.id for row in rows]


def press(page: Page, *keys: str) -> None:
    """Press keys once the page listens to them."""
    page.wait_for_load_state()
    for key in keys:
        page.keyboard.press(key)


def test_the_morning_by_keyboard_alone(
    app: Flask, listed: list[int], open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets?sort=oldest")
    heading = page.locator("h1")

    press(page, "j", "j", "o")
    page.wait_for_url(f"**/tickets/{listed[1]}")
    press(page, "a")
    expect(page.get_by_text("The ticket was updated.")).to_be_visible()
    press(page, "n")
    page.keyboard.type("Called j, k, c and u: all is well")
    press(page, "Control+Enter")
    expect(page.locator("li.timeline-row", has_text="Called j, k, c and u")).to_be_visible()
    press(page, "p")
    expect(page.get_by_label("Priority")).to_be_focused()
    page.keyboard.type("Low")
    press(page, "Control+Enter")
    expect(page.get_by_text("to Low.")).to_be_visible()
    press(page, "s")
    expect(page.get_by_label("Status")).to_be_focused()
    press(page, "Escape", "c")
    expect(page.get_by_role("button", name="Reopen").first).to_be_visible()
    press(page, "c")
    expect(page.get_by_role("button", name="Reopen").first).to_be_visible()

    press(page, "j")
    page.wait_for_url(f"**/tickets/{listed[2]}?**")
    press(page, "k")
    page.wait_for_url(f"**/tickets/{listed[0]}?**")
    press(page, "j")  # past the one that was closed
    page.wait_for_url(f"**/tickets/{listed[2]}?**")
    press(page, "e")
    page.wait_for_url(f"**/tickets/{listed[2]}/edit?**")
    expect(heading).to_contain_text("Edit")
    press(page, "u")
    page.wait_for_url(f"**/tickets/{listed[2]}?**")
    press(page, "u")
    page.wait_for_url("**/tickets?sort=oldest")
    expect(page.locator(f"{ROW.format(listed[2])} a.ticket-link")).to_be_focused()
    expect(page.locator(ROW.format(listed[1]))).to_have_count(0)

    press(page, "x", "j", "x", "b")
    expect(page.get_by_label("Assign to")).to_be_focused()
    page.keyboard.type("Me")
    press(page, "Control+Enter")
    expect(page.get_by_text("2 tickets changed.")).to_be_visible()


def test_the_row_is_found_again(listed: list[int], open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets?sort=oldest")
    press(page, "j", "j", "j", "Enter")
    page.wait_for_url(f"**/tickets/{listed[2]}")
    page.go_back()
    expect(page.locator(f"{ROW.format(listed[2])} a.ticket-link")).to_be_focused()
    press(page, "j", "k", "o")
    page.wait_for_url(f"**/tickets/{listed[2]}")
    press(page, "c")
    expect(page.get_by_role("button", name="Reopen").first).to_be_visible()
    press(page, "u")
    after = page.locator(f"{ROW.format(listed[3])} a.ticket-link")
    expect(after).to_be_focused()  # its row has gone: the one that came after it
    page.goto("/tickets?sort=oldest")
    expect(after).not_to_be_focused()


def test_keys_are_never_stolen_and_can_be_switched_off(
    listed: list[int], open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto(f"/tickets/{listed[0]}")
    note = page.get_by_label("Add internal note")
    note.fill("")
    note.press_sequentially("ancspjkue?/")
    expect(note).to_have_value("ancspjkue?/")
    press(page, "Escape", "?")
    card = page.get_by_role("dialog", name="Shortcuts")
    expect(card).to_contain_text("Back to its row in the list")
    press(page, "c")
    expect(card).to_be_visible()
    card.get_by_label("Single keys are shortcuts").uncheck()
    press(page, "Escape", "c", "n")
    expect(note).not_to_be_focused()
    page.reload()
    press(page, "c", "n")
    expect(note).not_to_be_focused()
    expect(page.get_by_role("button", name="Close ticket")).to_be_visible()
    press(page, "Control+k")
    expect(page.get_by_role("combobox", name="Find anything")).to_be_focused()
