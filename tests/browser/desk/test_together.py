"""What belongs together, in a real browser: a duplicate, a case, an indicator seen elsewhere."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import HELPDESK, Desk
from webapp.domain.incident import Incident
from webapp.models import Status, Ticket
from webapp.services.tickets.indicators.write_indicators import write_indicators
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
SUMMARY = "Beacon to hxxps://evil[.]example/a from C:\\ProgramData\\Adobe Cache\\upd.dll."


@pytest.fixture
def opened(app: Flask, desk: Desk) -> None:
    """Four open tickets; the reports of two name the same domain."""
    with app.app_context(), transaction() as session:
        status = session.query(Status).filter_by(is_default=True).one()
        for ticket in session.query(Ticket).filter(Ticket.id <= 4):
            ticket.status, ticket.closed_at = status, None
        write_indicators(session, {one: Incident("1", summary=SUMMARY) for one in (1, 2)})


def link(page: Page, kind: str, number: str) -> None:
    page.get_by_text("Link a ticket", exact=True).click()
    page.get_by_label("This ticket is").select_option(kind)
    page.get_by_label("Number of the other ticket").fill(number)
    page.get_by_role("button", name="Link", exact=True).click()


@pytest.mark.usefixtures("opened")
def test_a_duplicate_and_a_case(
    open_page: OpenPage, sign_in: SignIn, check_accessibility: Check
) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    page.goto("/tickets/1")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy-text='evil[.]example']").click()
    expect(page.get_by_text("Copied: evil[.]example", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "evil[.]example"
    page.get_by_role("link", name="seen in 2 tickets").first.click()
    expect(page.locator("a.ticket-link")).to_have_count(2)
    page.goto("/tickets/2")
    link(page, "duplicate", "TKT-4711")
    expect(page.get_by_text("There is no ticket TKT-004711.").first).to_be_visible()
    page.get_by_label("Number of the other ticket").fill("1")
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_text("This ticket is a duplicate of TKT-000001")).to_be_visible()
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    page.get_by_role("link", name="TKT-000001", exact=True).click()
    expect(page.get_by_text("This ticket is now the original of TKT-000002.")).to_be_visible()
    for part in ("3", "4"):
        link(page, "has_part", part)
        expect(
            page.get_by_role("button", name=f"Remove the link to TKT-00000{part}")
        ).to_be_visible()
    page.get_by_role("button", name="Close ticket").click()
    number = page.get_by_label("Number of the ticket it is a duplicate of")
    expect(number).to_be_hidden()
    page.get_by_label("Duplicate", exact=True).check()
    expect(number).to_be_visible()
    check_accessibility(page)
    page.get_by_label("Done in the portal").check()
    page.get_by_role("button", name="Close ticket").click()
    page.get_by_role("button", name="Close them, too").click()
    page.get_by_label("Done in the portal").check()
    page.get_by_role("button", name=re.compile("^Close ")).click()
    expect(page.get_by_text("2 tickets were closed.")).to_be_visible()
    expect(page.get_by_text("TKT-000003 · closed")).to_be_visible()
    check_accessibility(page)
