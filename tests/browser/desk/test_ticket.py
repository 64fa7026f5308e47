"""One ticket in a real browser: two people on it, by keyboard alone, previews, a new ticket."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from webapp.models import Category, Ticket, User
from webapp.services.transactions import reading, transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]


@pytest.fixture
def path(app: Flask, desk: Desk) -> str:
    """An open ticket that nobody has, on a board with a category."""
    with app.app_context(), transaction() as session:
        ticket = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
        ticket.assignee_id = None
        ticket.status_id = 1
        session.add(Category(name="Endpoint", board_id=ticket.board_id))
        session.add(Category(name="Printers", board_id=3))
        return f"/tickets/{ticket.id}"


def test_two_people_on_one_ticket(path: str, open_page: OpenPage, sign_in: SignIn) -> None:
    ada, bo = open_page(), open_page()
    sign_in(ada, ADMIN)
    sign_in(bo, HELPDESK)
    for page in (ada, bo):
        page.goto(path)
    bo.get_by_label("Add internal note").fill("Half a thought")
    bo.get_by_label("Priority").select_option("Low")
    ada.get_by_role("button", name="Assign to me").click()
    expect(ada.get_by_text("Assigned to Ada Okafor.")).to_be_visible()
    bo.get_by_label("Assignee").select_option("Bo Lindqvist")
    bo.get_by_role("button", name="Save", exact=True).click()
    expect(bo.get_by_role("alert")).to_contain_text("The assignee was changed to Ada Okafor")
    expect(bo.get_by_label("Priority").locator("option:checked")).to_have_text("Low")
    bo.get_by_label("Assignee").select_option("Ada Okafor")
    expect(bo.get_by_label("Add internal note")).to_have_value("Half a thought")
    bo.get_by_role("button", name="Save anyway").click()
    expect(bo.get_by_text("to Low.")).to_be_visible()
    expect(bo.get_by_text("The ticket was updated.")).to_be_visible()
    note = bo.get_by_label("Add internal note")
    expect(note).to_have_value("Half a thought")
    ada.get_by_label("Add internal note").fill("Mine came first")
    ada.get_by_role("button", name="Add note").click()
    expect(ada.locator("li.timeline-row", has_text="Mine came first")).to_be_visible()
    bo.get_by_label("Priority").select_option("Medium")
    bo.get_by_role("button", name="Save", exact=True).click()
    expect(bo.get_by_text("Saved. Meanwhile Ada Okafor wrote a note.")).to_be_visible()
    expect(bo.locator("li.is-new", has_text="Mine came first")).to_be_visible()
    expect(note).to_have_value("Half a thought")
    note.press("Control+Enter")
    expect(bo.locator("li.timeline-row", has_text="Half a thought")).to_be_visible()
    expect(note).to_have_value("")


def test_the_morning_by_keyboard_alone(
    app: Flask, path: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets?sort=oldest")
    press(page, page.locator("a.ticket-link").first)
    expect(page.get_by_role("navigation", name="The list you came from")).to_be_visible()
    here = re.sub(r"\?.*", "", page.url)
    press(page, page.get_by_role("button", name="Assign to me"))
    expect(page.get_by_text("Assigned to Bo Lindqvist.")).to_be_visible()
    note = page.get_by_label("Add internal note")
    note.focus()
    page.keyboard.type("Called *Dana*")
    press(page, page.get_by_role("button", name="Preview"))
    expect(page.locator("#note-preview em")).to_have_text("Dana")
    expect(note).to_have_value("Called *Dana*")
    note.focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("li.timeline-row em")).to_have_text("Dana")
    expect(note).to_have_value("")
    press(page, page.get_by_role("button", name="Close ticket"))
    page.get_by_label("Done in the portal").focus()
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Close ticket"))
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    press(page, page.get_by_role("link", name="Next"))
    expect(page.get_by_role("button", name="Close ticket")).to_be_visible()
    assert re.sub(r"\?.*", "", page.url) != here
    assert page.url.endswith("?from=/tickets?sort%3Doldest")


def press(page: Page, locator: object) -> None:
    """Focus and Enter: what a keyboard can do, no more."""
    locator.focus()  # type: ignore[attr-defined]
    page.keyboard.press("Enter")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_a_ticket_opened_by_hand(
    app: Flask, path: str, open_page: OpenPage, sign_in: SignIn, has_script: bool
) -> None:
    page = open_page(java_script_enabled=has_script)
    sign_in(page, HELPDESK)
    page.goto("/tickets/new")
    page.get_by_label("Title").fill("Printer on fire")
    page.get_by_label("Description").fill("It *burns*.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#description-preview em")).to_have_text("burns")
    expect(page.get_by_label("Title")).to_have_value("Printer on fire")
    page.get_by_role("button", name="Open ticket").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a client")
    expect(page.get_by_label("Description")).to_have_value("It *burns*.")
    page.get_by_label("Client").select_option(index=2)
    if has_script:
        category = page.get_by_label("Category")
        expect(category.locator("optgroup:not([hidden]) option")).to_have_text(["Printers"])
        page.get_by_label("Board").select_option("Service Desk")
        category.select_option("Printers")
        page.get_by_label("Board").select_option("Security")
        expect(category).to_have_value("")
    page.get_by_role("button", name="Open ticket").dblclick()
    expect(page.get_by_role("heading", name="Printer on fire")).to_be_visible()
    with app.app_context(), reading() as session:
        assert session.query(Ticket).filter_by(source="manual").count() == 1


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe(
    path: str,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, ADMIN)
    closed_from_list = f"{path}?from=/tickets"
    for place in (closed_from_list, f"{path}/edit", f"{path}/raw", "/tickets/new", "/incidents"):
        page.goto(place)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
    page.goto("/tickets/new")
    page.get_by_role("button", name="Open ticket").click()
    page.get_by_role("alert").wait_for()
    check_accessibility(page)


def test_a_note_leaves_what_was_chosen_and_not_saved(
    app: Flask, path: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto(path)
    page.get_by_label("Priority").select_option("Low")
    page.get_by_label("Board").select_option("Service Desk")
    page.get_by_label("Category").select_option("Printers")
    page.get_by_label("Status").select_option("Waiting")
    with app.app_context(), transaction() as session:
        session.get(Ticket, int(path.rsplit("/", 1)[1])).status_id = 2
    page.get_by_label("Add internal note").fill("Only a note")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".timeline-text").get_by_text("Only a note")).to_be_visible()
    for label, words in (
        ("Priority", "Low"),
        ("Board", "Service Desk"),
        ("Category", "Printers"),
        ("Status", "In progress"),  # somebody else's choice since then
    ):
        expect(page.get_by_label(label).locator("option:checked")).to_have_text(words)


def test_one_endless_word_widens_no_page(
    app: Flask, path: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    number = int(path.rsplit("/", 1)[1])
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, number)
        ticket.title, ticket.client.name = "X" * 255, "W" * 200
        ticket.status.name = "S" * 60
        for person in session.query(User):
            person.name = "V" * 100
    page = open_page(viewport={"width": 1024, "height": 900})
    sign_in(page, ADMIN)
    page.goto(path)
    page.get_by_label("Add internal note").fill("A note")
    page.get_by_role("button", name="Add note").click()
    for width in (1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for place in (path, f"{path}/edit", "/tickets", "/desk/statuses"):
            page.goto(place)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
            assert page.evaluate(
                "[...document.querySelectorAll('.timeline-head, .admin-table')]"
                ".every((box) => box.scrollWidth <= box.parentElement.clientWidth)"
            ), place
