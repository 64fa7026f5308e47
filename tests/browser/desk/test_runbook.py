"""A runbook worked through in a real browser: by two people, and without a script."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.looks import in_each_look
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.rows import add, all_rows
from webapp.models import CannedNote, Ticket
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook
from webapp.services.tickets.runbooks.install_runbooks import install_runbooks
from webapp.services.tickets.runbooks.work_checklist import attach_runbook

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
STEPS = ("Isolate the host", "Call the client", "Collect what there is")


@pytest.fixture
def ticket(app: Flask, desk: Desk) -> str:
    """The page of an open ticket with a runbook of three steps; a canned note."""
    body = "Go through it.\n\n" + "\n".join(f"- [ ] {step}" for step in STEPS)
    with app.app_context():
        [found, *_] = all_rows(Ticket, Ticket.closed_at.is_(None))
        runbook = add_runbook(RunbookValues(name="Foothold", body=body))
        attach_runbook(found.id, runbook.id, actor_id=desk.admin_id)
        add(CannedNote(name="Short call", body="Called about {number}.", position=0))
        return f"/tickets/{found.id}"


def box(page: Page, step: int) -> object:
    return page.get_by_role("checkbox", name=STEPS[step])


def checklist(page: Page) -> object:
    return page.locator("details.checklist summary")


def test_a_runbook_is_worked_through(ticket: str, open_page: OpenPage, sign_in: SignIn) -> None:
    """Two people tick side by side, by mouse and by keyboard, and write a note meanwhile."""
    ada, bo = open_page(), open_page()
    sign_in(ada, ADMIN)
    sign_in(bo, HELPDESK)
    for page in (ada, bo):
        page.goto(ticket)
    bo.get_by_label("Add internal note").fill("They are calm.")
    box(bo, 0).click()
    box(bo, 2).click()
    expect(checklist(bo)).to_contain_text("2 of 3")
    expect(box(bo, 0)).to_be_checked()
    expect(bo.locator(".check-step.is-done").first).to_contain_text("Bo Lindqvist")
    expect(bo.get_by_label("Add internal note")).to_have_value("They are calm.")
    box(ada, 0).focus()
    ada.keyboard.press("Space")
    expect(ada.locator(".check-step.is-done")).to_contain_text("Bo Lindqvist")
    box(bo, 2).press("Enter")
    expect(box(bo, 2)).not_to_be_checked()
    expect(box(bo, 2)).to_be_focused()
    bo.get_by_text("Canned notes").click()
    note = bo.get_by_label("Add internal note")
    bo.get_by_role("button", name="Short call").click()
    expect(note).to_have_value("They are calm.\n\nCalled about " + number(bo) + ".")
    for page, step in ((bo, 1), (bo, 2)):
        box(page, step).click()
    expect(checklist(bo)).to_contain_text("all 3 done")
    bo.get_by_role("button", name="Close ticket").click()
    bo.get_by_label("Done in the portal").check()
    bo.get_by_role("button", name="Close ticket").click()
    expect(bo.get_by_text("The ticket was updated.")).to_be_visible()
    entry = bo.locator(".timeline-row", has_text="Runbook Foothold").last
    expect(entry).to_contain_text("Done: Collect what there is")


def number(page: Page) -> str:
    return page.locator(".ticket-number").inner_text()


def test_a_runbook_is_worked_through_without_a_script(
    ticket: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, HELPDESK)
    page.goto(ticket)
    for step in range(3):
        box(page, step).click()
        expect(page.get_by_text(f"{step + 1} of 3" if step < 2 else "all 3 done")).to_be_visible()
    page.goto(ticket)
    expect(box(page, 1)).to_be_hidden()  # what is done is folded
    checklist(page).click()
    box(page, 1).click()
    expect(checklist(page)).to_contain_text("2 of 3")
    page.get_by_label("Add internal note").fill("They are calm.")
    page.get_by_text("Canned notes").click()
    page.get_by_role("button", name="Choose a note").click()
    expect(page.get_by_label("Your note so far")).to_have_value("They are calm.")
    page.get_by_role("button", name="Insert Short call").click()
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".timeline-row").last).to_contain_text("Called about TKT-")
    page.get_by_role("link", name="Attach another runbook").click()
    expect(page.get_by_text("on this ticket")).to_be_visible()


def test_a_tick_that_cannot_be_saved_says_so(
    ticket: str, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto(ticket)
    page.route("**/steps/*", lambda route: route.fulfill(status=503))
    box(page, 0).click()
    expect(page.locator("#step-1-0").get_by_text("This was not saved.")).to_be_visible()
    expect(box(page, 0)).not_to_be_checked()


@in_each_look
def test_what_runbooks_look_like(
    app: Flask,
    ticket: str,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    with app.app_context():
        install_runbooks()
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, ADMIN)
    page.goto(ticket)
    box(page, 0).click()
    expect(checklist(page)).to_contain_text("1 of 3")
    page.get_by_text("Canned notes").click()
    expect(page.get_by_role("button", name="Short call")).to_be_visible()
    check_accessibility(page)
    for path in (
        f"{ticket}/runbooks",
        f"{ticket}/canned-notes",
        "/desk/runbooks",
        "/desk/runbooks/1",
        "/desk/runbooks/new",
        "/desk/runbooks/1/versions/1",
        "/desk/canned-notes",
        "/desk/canned-notes/1",
    ):
        page.goto(path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto("/desk/runbooks/1")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Preview, 3 steps")).to_be_visible()
    check_accessibility(page)
