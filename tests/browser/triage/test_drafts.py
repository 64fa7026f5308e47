"""Drafts live until the server has confirmed them: 502, offline, expired sessions, closed tabs."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Page, Route, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from webapp.models import Comment, Ticket
from webapp.services.transactions import reading, transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
NOTES = "**/tickets/1/notes"
DRAFTS = "Object.keys(localStorage).filter(name => name.startsWith('triagedesk-kept-draft-'))"
WORDS = "The intruder used RUNDLL99"


def note_of(page: Page):
    return page.get_by_label("Add internal note")


def notes(app: Flask, words: str) -> int:
    with app.app_context(), reading() as session:
        return session.query(Comment).filter(Comment.body == words).count()


def write(page: Page, words: str, path: str = "/tickets/1") -> None:
    page.goto(path)
    note_of(page).fill(words)
    page.wait_for_function(f"{DRAFTS}.length > 0")


def bad_gateway(route: Route) -> None:
    route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")


def saved_bad_gateway(route: Route) -> None:
    """The server saves it, but its answer is lost."""
    route.fetch(max_redirects=0)
    bad_gateway(route)


def test_a_note_outlives_a_bad_gateway(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    write(page, WORDS)
    page.route(NOTES, bad_gateway)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("heading", name="Bad gateway")).to_be_visible()
    page.unroute(NOTES)
    page.goto("/tickets/1")
    expect(note_of(page)).to_have_value(WORDS)
    expect(page.get_by_text("Not saved yet: what you typed here until")).to_be_visible()
    page.route(NOTES, saved_bad_gateway)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("heading", name="Bad gateway")).to_be_visible()
    page.unroute(NOTES)
    assert notes(app, WORDS) == 1
    page.go_back()
    expect(page.locator("li.timeline-row", has_text=WORDS)).to_have_count(1)
    expect(note_of(page)).to_have_value("")  # it is there, so it is no draft any more
    page.wait_for_function(f"{DRAFTS}.length === 0")


def test_a_note_outlives_being_offline_and_a_closed_tab(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    write(page, WORDS)
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Add note").click(no_wait_after=True)
    page.context.set_offline(False)
    tab = page.context.new_page()
    page.close()
    tab.goto("/tickets/1")
    expect(note_of(tab)).to_have_value(WORDS)
    tab.get_by_role("button", name="Discard it").click()
    expect(note_of(tab)).to_have_value("")
    tab.reload()
    expect(note_of(tab)).to_have_value("")
    assert notes(app, WORDS) == 0


def test_send_again_works_the_first_time_after_signing_in(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    write(page, WORDS)
    page.context.clear_cookies()
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("heading", name="You have been signed out meanwhile")).to_be_visible()
    again = page.get_by_role("button", name="Send again")
    again.click()
    expect(page.get_by_text("You are not signed in yet.")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    sign_in(opened.value, HELPDESK)
    again.click()
    expect(page.locator("li.timeline-row", has_text=WORDS)).to_be_visible()
    expect(note_of(page)).to_have_value("")
    page.wait_for_function(f"{DRAFTS}.length === 0")


def test_a_new_ticket_outlives_an_expired_session_and_opens_once(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/new")
    page.get_by_label("Title").fill("Printer on fire")
    page.get_by_label("Client").select_option(index=2)
    chosen = page.get_by_label("Client").input_value()
    page.wait_for_function(f"{DRAFTS}.length === 1")
    page.goto("/tickets")
    page.goto("/tickets/new")
    expect(page.get_by_label("Title")).to_have_value("Printer on fire")
    expect(page.get_by_label("Client")).to_have_value(chosen)
    page.context.clear_cookies()
    page.get_by_role("button", name="Open ticket").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    sign_in(opened.value, HELPDESK)
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", name="Printer on fire")).to_be_visible()
    page.goto("/tickets/new")
    expect(page.get_by_label("Title")).to_have_value("")
    with app.app_context(), reading() as session:
        assert session.query(Ticket).filter_by(source="manual").count() == 1


def test_an_edit_from_before_collides_only_in_the_same_field(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    """A draft remembers what it was made from, so that it never undoes what others did since."""
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1/edit")
    page.get_by_label("Title").fill("My title")
    page.get_by_label("PSA reference").fill("PSA-1")
    page.wait_for_function(f"{DRAFTS}.length === 1")
    page.goto("/tickets")
    with app.app_context(), transaction() as session:
        ticket = session.get(Ticket, 1)
        ticket.title = "Their title"
    page.goto("/tickets/1/edit")
    expect(page.get_by_label("Title")).to_have_value("My title")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("The title was changed while")
    expect(page.get_by_label("Title")).to_have_value("My title")
    page.reload()
    page.goto("/tickets/1/edit")
    expect(page.get_by_label("Title")).to_have_value("My title")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="My title")).to_be_visible()
    page.goto("/tickets/1/edit")
    page.wait_for_function(f"{DRAFTS}.length === 0")
    expect(page.get_by_text("Not saved yet")).to_be_hidden()


def test_drafts_are_their_writers_alone(desk: Desk, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    write(page, WORDS)
    other = page.context.new_page()
    other.goto("/tickets/2")
    page.locator("details.app-person summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
    note_of(other).fill("typed in a tab that was left open")
    other.wait_for_timeout(300)
    assert other.evaluate(DRAFTS) == [], "who signed out keeps nothing more"
    sign_in(page, HELPDESK)
    write(page, WORDS)
    page.context.clear_cookies()
    sign_in(page, ADMIN)
    page.wait_for_function(f"{DRAFTS}.length === 0")


def test_old_drafts_expire_and_only_so_many_are_kept(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    old = """async () => {
      const at = Date.now() - 15 * 24 * 3600 * 1000;
      const draft = { at, id: "", fields: [["body", "old"]] };
      await window.triagedeskKept.set("draft-note-2", JSON.stringify(draft));
    }"""
    page.evaluate(old)
    assert "triagedesk-kept-draft-note-2" in page.evaluate(DRAFTS)
    page.goto("/tickets/2")
    page.wait_for_function(f"{DRAFTS}.length === 0")
    expect(note_of(page)).to_have_value("")
    fill = """async () => {
      for (let number = 100; number < 145; number++) {
        const draft = { at: Date.now() + number, id: "", fields: [] };
        await window.triagedeskKept.set(`draft-note-${number}`, JSON.stringify(draft));
      }
    }"""
    page.evaluate(fill)
    kept = page.evaluate(DRAFTS)
    assert len(kept) == 40
    assert "triagedesk-kept-draft-note-104" not in kept
    assert "triagedesk-kept-draft-note-144" in kept
