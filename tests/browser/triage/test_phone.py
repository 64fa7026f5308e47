"""The night on a phone: Take, Note and Close stay within reach, and cover nothing."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from tests.support.desk_data import HELPDESK, Desk
from webapp.models import Ticket
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def is_within_reach(part: Locator) -> bool:
    """Whether it stands in the lower part of the window, and nothing lies on it."""
    return bool(
        part.evaluate(
            """part => {
              const { left, top, bottom, width, height } = part.getBoundingClientRect();
              const on = document.elementFromPoint(left + width / 2, top + height / 2);
              return top > innerHeight * 0.8 && bottom <= innerHeight && part.contains(on);
            }"""
        )
    )


def test_the_night_on_a_phone(
    app: Flask, desk: Desk, open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(assignee_id=None, closed_at=None, status_id=1))
    page = open_page(color_scheme="dark", **PHONE)
    sign_in(page, HELPDESK)
    page.goto("/tickets")
    page.locator("a.ticket-link").first.tap()
    page.wait_for_url("**/tickets/*")
    bar = page.get_by_role("group", name="Work on this ticket")
    for button in bar.locator("button, a").all():
        assert is_within_reach(button)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    check_accessibility(page)
    bar.get_by_role("button", name="Take").tap()
    expect(page.get_by_text("The ticket was updated.")).to_be_visible()
    expect(bar.get_by_role("button", name="Take")).to_have_count(0)
    bar.get_by_role("link", name="Note").tap()
    note = page.get_by_label("Add internal note")
    expect(note).to_be_in_viewport()
    note.fill("Called, machine is off the network.")
    send = page.get_by_role("button", name="Add note")
    send.scroll_into_view_if_needed()
    send.tap()
    expect(page.locator("li.timeline-row", has_text="machine is off")).to_be_visible()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    foot = page.locator(".ticket-side .card").last
    assert foot.evaluate(
        "(part, bar) => part.getBoundingClientRect().bottom <= bar.getBoundingClientRect().top",
        bar.element_handle(),
    ), "the bar covers nothing at the end of the page"
    bar.get_by_role("button", name="Close").tap()
    page.get_by_text("Done in the portal").tap()  # Huntress has something left
    page.get_by_role("button", name="Close ticket").tap()
    expect(bar.get_by_role("button", name="Reopen")).to_be_visible()
    page.get_by_role("link", name="Next").tap()
    expect(bar.get_by_role("button", name="Take")).to_be_visible()


def test_the_bar_is_for_phones_and_for_who_works(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    expect(page.get_by_role("group", name="Work on this ticket")).to_be_hidden()
