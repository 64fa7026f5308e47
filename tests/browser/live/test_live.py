"""Two people's browsers side by side: what one does, the other sees, and loses nothing by it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.rows import change
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp import clock
from webapp.config import Config
from webapp.models import Priority, Ticket
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
SEEN_WITHIN_SECONDS = 15
ROUND = 10_500
"""A little more than a page waits between two questions, in milliseconds."""


@pytest.fixture
def config(config: Config) -> Iterator[Config]:
    """With a Valkey, which knows who is where."""
    valkey = ValkeyServer().start()
    yield replace(config, redis_url=valkey.url)
    valkey.close()


def top_of(page: Page, selector: str) -> float:
    return float(page.locator(selector).first.bounding_box()["y"])  # type: ignore[index]


def open_critical(app: Flask, desk: Desk, title: str) -> int:
    with app.app_context():
        with transaction() as session:
            priority_id = session.query(Priority.id).order_by(Priority.position).first()[0]
            model = session.get_one(Ticket, 1)
            places = {"client_id": model.client_id, "board_id": model.board_id}
        wanted = NewTicket(title=title, description="", priority_id=priority_id, **places)
        ticket = open_ticket(wanted, actor_id=desk.admin_id, form_token=title)
        change(
            Ticket,
            ticket.id,
            untouched_since=clock.utcnow(),
            reported_at=clock.utcnow() - timedelta(days=99),
        )
        return ticket.id


def test_two_people_at_one_ticket(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    with app.app_context():
        change(Ticket, 2, closed_at=None)
    ada, bo = open_page(), open_page(viewport={"width": 1280, "height": 900})
    for page, person in ((ada, ADMIN), (bo, HELPDESK)):
        sign_in(page, person)
        page.goto("/tickets/2")
    here, line = bo.locator("[data-here]"), bo.locator("[data-live-line]")
    expect(here).to_have_text("Ada Okafor has this ticket open")
    expect(line).to_contain_text("As of")
    note = bo.get_by_label("Internal note", exact=False).first
    note.fill("half a thought")
    before = top_of(bo, "#timeline-heading"), bo.evaluate("scrollY")

    ada.locator("#note-form textarea").press_sequentially("I look at it")
    began = time.monotonic()
    expect(here).to_have_text("Ada Okafor is writing")
    ada.locator("#work select[name=priority_id]").select_option(index=0)
    ada.get_by_role("button", name="Save", exact=False).first.click()
    expect(line).to_contain_text("Ada Okafor, ")
    expect(line).to_contain_text("riority changed")
    expect(line).to_contain_text("ago")
    assert time.monotonic() - began < 3 * SEEN_WITHIN_SECONDS
    assert (top_of(bo, "#timeline-heading"), bo.evaluate("scrollY")) == before, "nothing moves"
    expect(note).to_be_focused()
    expect(note).to_have_value("half a thought")
    check_accessibility(bo)
    line.get_by_role("link", name="Reload").click()
    expect(bo.locator(".timeline-list")).to_contain_text("riority changed")
    expect(note).to_have_value("half a thought")
    expect(line).to_contain_text("As of")

    ada.goto("/tickets")
    expect(here).to_have_text("", timeout=1_000 * 2 * SEEN_WITHIN_SECONDS)


def test_a_list_says_what_is_new_and_moves_nothing(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    page = open_page()
    page.clock.install()
    sign_in(page, HELPDESK)
    page.goto("/tickets")
    line, rows = page.locator("[data-live-line]"), page.locator("tr[data-ticket]")
    icon = page.locator("link[rel=icon]")
    rows.nth(2).locator("input[name=ticket]").check()
    page.get_by_label("Search tickets").fill("half typed")
    changed = int(rows.nth(1).get_attribute("data-ticket") or 0)
    before = top_of(page, "tr[data-ticket]"), rows.count()
    untouched = page.title()

    open_critical(app, desk, "<b>Ransomware</b>")
    with app.app_context():
        given = TicketChange(title="Another title")
        change_ticket(changed, given, actor_id=desk.admin_id, seen_at=None)
    page.clock.fast_forward(ROUND)
    expect(line).to_contain_text("1 new, 1 critical, 1 changed")
    expect(page.locator("#announcer")).to_have_text("1 new, 1 critical, 1 changed")
    expect(rows.nth(1)).to_contain_text("changed meanwhile")
    assert "Changed meanwhile: " in (rows.nth(1).get_attribute("title") or "")
    assert (top_of(page, "tr[data-ticket]"), rows.count()) == before
    assert page.title() != untouched
    assert page.title().startswith("(")
    assert (icon.get_attribute("href") or "").startswith("data:image/svg+xml,")
    check_accessibility(page)

    line.get_by_role("link", name="Show").click()
    expect(page.get_by_role("link", name="<b>Ransomware</b>")).to_be_visible()
    expect(page.locator("input[name=ticket]:checked")).to_have_count(1)
    expect(line).to_contain_text("As of")
    page.clock.fast_forward(ROUND)
    expect(line).to_contain_text("As of")
    with app.app_context(), transaction() as session:
        session.query(Ticket).update({"untouched_since": None})
    page.clock.fast_forward(ROUND)
    expect(page).to_have_title(untouched.partition(") ")[2] or untouched)
    assert (icon.get_attribute("href") or "").startswith("/static/icon.svg")


def test_the_dashboard_moves_together_but_not_under_a_pointer(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    page = open_page(viewport={"width": 1280, "height": 1200})
    page.clock.install()
    sign_in(page, HELPDESK)
    burning = page.locator("section", has=page.locator("#burning-heading"))
    page.get_by_role("heading", name="Open by priority").hover()
    open_critical(app, desk, "Shown at once")
    page.clock.fast_forward(ROUND)
    expect(burning).to_contain_text("Shown at once")
    burning.get_by_role("link", name="Shown at once").hover()
    open_critical(app, desk, "Shown later")
    page.clock.fast_forward(ROUND)
    expect(page.locator("[data-live-line]")).to_contain_text("Something changed")
    expect(page.get_by_text("Shown later")).to_have_count(0)
    check_accessibility(page)
    page.get_by_role("heading", name="Dashboard", exact=True).hover()
    page.clock.fast_forward(1_000)
    expect(burning).to_contain_text("Shown later")
    expect(page.locator("[data-live-line]")).to_contain_text("As of")


def test_a_page_calls_whoever_wants_to_be_called(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(permissions=["notifications"])
    page.add_init_script(
        """
        window.shown = []; window.tones = 0;
        window.Notification = class {
          static permission = "granted";
          constructor(title, options) { window.shown.push(`${title}: ${options.body}`); }
          close() {}
        };
        AudioContext.prototype.createOscillator = new Proxy(
          AudioContext.prototype.createOscillator,
          { apply(make, on, how) { window.tones += 1; return Reflect.apply(make, on, how); } },
        );
        """
    )
    page.clock.install()
    sign_in(page, HELPDESK)
    page.goto("/preferences")
    page.get_by_label("Notification on the desktop").check()
    page.get_by_label("A sound", exact=False).check()
    page.get_by_role("button", name="Try both").click()
    expect(page.get_by_text("A sound was played and a notification shown.")).to_be_visible()
    card = page.locator("section", has=page.locator("#calls-heading"))
    card.get_by_role("button", name="Save").click()
    page.goto("/tickets")
    page.get_by_role("heading", name="Tickets", exact=True).click()
    expect(page.locator("[data-live-line]")).to_contain_text("As of")
    assert wait_until(lambda: page.evaluate("localStorage.length"))
    assert page.evaluate("shown") == []
    open_critical(app, desk, "Ransomware")
    page.clock.fast_forward(ROUND)
    assert wait_until(lambda: page.evaluate("shown.length === 1 && tones === 3"))
    assert "Ransomware" in page.evaluate("shown[0]")
    page.clock.fast_forward(ROUND)
    page.reload()
    page.clock.fast_forward(ROUND)
    assert page.evaluate("shown") == [], "nobody is called twice"


def test_without_a_script_a_page_says_as_of_when_it_is(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, HELPDESK)
    for path in ("/", "/tickets?sort=oldest", "/tickets/2"):
        page.goto(path)
        expect(page.locator("[data-live-line]")).to_contain_text("As of")
        page.locator("[data-live-line] a").click()
        assert page.url.endswith(path)
