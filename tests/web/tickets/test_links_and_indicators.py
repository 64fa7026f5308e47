"""Links, related tickets and indicators on the page of a ticket, without a script."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.web.pages import Browser, Page, words_of
from webapp.domain.incident import Incident
from webapp.extensions import db
from webapp.models import Alert, Status, Ticket
from webapp.services.tickets.indicators.write_indicators import write_indicators
from webapp.services.transactions import transaction

SUMMARY = "It came from 203.0.113.5 and hxxps://evil[.]example/a. Files: " + ", ".join(
    f"C:\\Temp\\{number}.exe" for number in range(12)
)


@pytest.fixture
def opened(app: Flask, desk: Desk) -> None:
    """The first five tickets are open, and two reports name the same address."""
    with app.app_context(), transaction() as session:
        status = session.query(Status).filter_by(is_default=True).one()
        for ticket in session.query(Ticket).filter(Ticket.id <= 5):
            ticket.status, ticket.closed_at = status, None
        reports = {one: Incident(str(one), summary=SUMMARY) for one in (1, 2)}
        write_indicators(session, reports)


def links_of(page: Page) -> str:
    return words_of(page.one("section", aria_labelledby="links-heading"))


def send(browser: Browser, action: str, data: dict[str, object], status: int = 200) -> Page:
    response = browser.send(action, data, follow_redirects=True)
    return browser.page_of(response, status=status)


def link(browser: Browser, ticket_id: int, kind: str, number: str, status: int = 200) -> Page:
    fields: dict[str, object] = {"link_kind": kind, "link_number": number}
    return send(browser, f"/tickets/{ticket_id}/links", fields, status)


@pytest.mark.usefixtures("opened")
def test_a_duplicate_points_to_its_original_and_back(helpdesk: Browser) -> None:
    page = link(helpdesk, 2, "duplicate", "1")
    assert "This ticket is now a duplicate of TKT-000001." in page.text
    assert "This ticket is a duplicate of TKT-000001, which is open." in words_of(page.one("main"))
    assert "A duplicate of" in links_of(page)
    original = helpdesk.get("/tickets/1")
    assert "The original of" in links_of(original)
    assert "TKT-000002 · closed · Remove the link to TKT-000002" in links_of(original)
    action = next(
        form.get("action") for form in original.all("form") if "/remove" in form.get("action", "")
    )
    after = send(helpdesk, action, {})
    assert "no longer the original of TKT-000002" in after.text
    assert "TKT-000002 · closed · Remove" not in links_of(after)
    again = send(helpdesk, action, {})
    assert "This link is gone already" in again.text


@pytest.mark.usefixtures("opened")
def test_what_was_typed_survives_a_refusal(helpdesk: Browser) -> None:
    page = link(helpdesk, 2, "part", "TKT-9999", status=400)
    field = page.one("input", name="link_number")
    assert field.get("value") == "TKT-9999"
    assert field.get("aria-invalid") == "true"
    assert "There is no ticket TKT-009999." in links_of(page)
    chosen = [one.get("value") for one in page.all("option") if one.get("selected") is not None]
    assert "part" in chosen
    assert page.one("details", open="") is not None


@pytest.mark.usefixtures("opened")
def test_a_closed_case_offers_to_close_its_open_parts(app: Flask, helpdesk: Browser) -> None:
    for part in ("2", "3"):
        link(helpdesk, 1, "has_part", part)
    with app.app_context(), transaction() as session:
        session.query(Alert).filter_by(ticket_id=2).update({"status": "sent", "steps_left": 1})
        closed = session.query(Status).filter(Status.is_closed).first()
        case = session.get_one(Ticket, 1)
        case.status, case.closed_at = closed, case.updated_at
    page = helpdesk.get("/tickets/1")
    assert "2 parts of it are still open. Close them, too" in words_of(page.one("main"))
    parts = [one.get("value") for one in page.all("input", name="part")]
    close_parts = "/tickets/1/links/close-parts"
    asked = send(helpdesk, close_parts, {"part": parts}, status=400)
    carried = [one.get("value") for one in asked.all("input", name="part")]
    assert carried == parts, "the page that asks for a reason sends them again"
    answer = {"part": carried, "asked": "1", "close_reason": "accepted_risk"}
    done = send(helpdesk, close_parts, answer)
    assert "2 tickets were closed." in done.text
    assert "still open. Close" not in done.text
    with app.app_context(), transaction() as session:
        status = session.query(Status).filter_by(is_default=True).one()
        case = session.get_one(Ticket, 1)
        case.status, case.closed_at = status, None
    refused = send(helpdesk, close_parts, {"part": parts})
    assert "The case was reopened meanwhile" in refused.text


@pytest.mark.usefixtures("opened")
def test_indicators_lead_to_the_tickets_that_have_them(helpdesk: Browser) -> None:
    page = helpdesk.get("/tickets/1")
    card = page.one("section", aria_labelledby="indicators-heading")
    said = words_of(card)
    assert "IP addresses 1 203.0.113.5" in said
    assert "2 more" in said, "of twelve paths, ten are shown at once"
    copies = {one.get("data-copy-text") for one in card.iter("button")}
    assert {"evil.example", "evil[.]example", "hxxps://evil[.]example/a"} <= copies
    seen = next(link for link in card.iter("a") if "seen in 2 tickets" in words_of(link))
    listed = helpdesk.get(seen.get("href"))
    assert "Indicator: 203.0.113.5" in words_of(listed.one("ul", class_="chips"))
    hrefs = [one.get("href") for one in listed.all("a", class_="ticket-link")]
    assert {one.split("?")[0] for one in hrefs} == {"/tickets/1", "/tickets/2"}


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("typed", ["203[.]0.113.5", "ip:203.0.113.5"])
def test_an_indicator_can_be_typed_into_the_filters(helpdesk: Browser, typed: str) -> None:
    listed = helpdesk.get("/tickets", query_string={"indicator": typed})
    assert len(listed.all("a", class_="ticket-link")) == 2
    assert listed.one("input", name="indicator").get("value") == typed
    nothing = helpdesk.get("/tickets", query_string={"indicator": "no such thing"})
    assert "there is no such value: indicator" in nothing.text


def test_tickets_of_an_unmapped_organization(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    with app.app_context():
        alert = db.session.query(Alert).join(Ticket).filter(Ticket.is_unmapped).first()
        organization = alert.organization_external_id
    wanted = f"{desk.connection_id}:{organization}"
    listed = helpdesk.get("/tickets", query_string={"organization": wanted})
    assert f"Huntress organization: {organization}" in words_of(listed.one("ul", class_="chips"))
    bad = helpdesk.get("/tickets", query_string={"organization": "x"})
    assert "there is no such value: organization" in bad.text
