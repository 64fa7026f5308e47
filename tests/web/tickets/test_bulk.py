"""Changing many tickets from the list: selection, what is refused, undo."""

import re

import pytest
from flask import Flask
from sqlalchemy import update

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, Page
from webapp.models import Alert, Priority, Ticket
from webapp.services.transactions import reading, transaction

BULK = "/tickets/bulk"


def priorities(app: Flask, *ids: int) -> list[str]:
    with app.app_context(), reading() as session:
        return [session.get(Ticket, one, populate_existing=True).priority.name for one in ids]


@pytest.fixture
def low(app: Flask, desk: Desk) -> str:
    """The id of the priority Low; every ticket is open and has another one."""
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(priority_id=1, closed_at=None, status_id=1))
        return str(session.query(Priority).filter_by(name="Low").one().id)


def undo_path(page: Page) -> str:
    paths = [str(form.get("action")) for form in page.all("form")]
    return next(path for path in paths if path.endswith("/undo"))


def selected(page: Page) -> list[str]:
    boxes = page.all("input", name="ticket")
    return [str(box.get("value")) for box in boxes if "checked" in box.attrib]


def test_selected_tickets_are_changed_and_undone(app: Flask, helpdesk: Browser, low: str) -> None:
    data = {"ticket": ["1", "2"], "priority": low}
    response = helpdesk.post(BULK, data, on="/tickets?sort=oldest")
    assert (response.status_code, response.location) == (303, "/tickets?sort=oldest")
    assert priorities(app, 1, 2, 3) == ["Low", "Low", "Critical"]
    page = helpdesk.get(response.location)
    assert "2 tickets changed. just now Undo" in page.text
    assert not selected(page)
    assert "2 tickets changed." in helpdesk.get("/tickets").text, "offered again"
    fields = page.form(undo_path(page))
    response = helpdesk.client.post(undo_path(page), data=fields)
    assert (response.status_code, response.location) == (303, "/tickets?sort=oldest")
    words = helpdesk.get("/tickets").text
    assert "Undone: 2 tickets are as before." in words
    assert "tickets changed." not in words
    assert priorities(app, 1, 2) == ["Critical", "Critical"]
    again = helpdesk.client.post(undo_path(page), data=fields, follow_redirects=True)
    assert "This was undone already." in again.text


def test_undo_names_what_it_left(app: Flask, helpdesk: Browser, low: str) -> None:
    helpdesk.post(BULK, {"ticket": ["1", "2"], "priority": low}, on="/tickets")
    page = helpdesk.get("/tickets")
    fields = page.form(undo_path(page))
    helpdesk.post("/tickets/2/notes", {"body": "seen"}, on="/tickets/2")
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == 2).values(assignee_id=1))
        session.get(Ticket, 2).updated_at = session.get(Ticket, 3).created_at
    helpdesk.client.post(undo_path(page), data=fields)
    shown = helpdesk.get("/tickets").text
    assert "Undone: 1 ticket is as before." in shown
    assert "TKT-000002 was left: changed again since" in shown


def test_me_and_nobody(app: Flask, helpdesk: Browser, desk: Desk, low: str) -> None:
    for chosen, expected in (("me", desk.helpdesk_id), ("nobody", None), ("1", 1)):
        helpdesk.post(BULK, {"ticket": ["4"], "assignee": chosen}, on="/tickets")
        with app.app_context(), reading() as session:
            ticket = session.get(Ticket, 4, populate_existing=True)
            assert ticket.assignee_id == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"priority": "4"}, "Select at least one ticket first."),
        ({"ticket": ["1"]}, "Choose what to change"),
        ({"ticket": ["1"], "board": "99"}, "Choose a board that is in use."),
        ({"ticket": [str(n) for n in range(1, 202)], "priority": "4"}, "at most 200 tickets"),
        ({"ticket": ["x", "-1"], "priority": "4"}, "Select at least one ticket first."),
        ({"ticket": ["1"], "priority": "1"}, "Nothing was changed"),
    ],
)
def test_what_cannot_be_done_is_said(
    helpdesk: Browser, low: str, data: dict[str, object], words: str
) -> None:
    response = helpdesk.post(BULK, data, on="/tickets?q=tkt")
    assert response.location == "/tickets?q=tkt"
    page = helpdesk.get(response.location)
    assert words in page.text
    shown = [str(box.get("value")) for box in page.all("input", name="ticket")]
    assert selected(page) == [one for one in shown if one in data.get("ticket", ())]
    assert not selected(helpdesk.get(response.location)), "kept once"


def test_it_leads_nowhere_else(helpdesk: Browser, low: str) -> None:
    data = {"ticket": ["1"], "priority": low, "next": "https://evil.example"}
    assert helpdesk.post(BULK, data, on="/tickets").location == "/"


def test_somebody_elses_change_is_not_undone(
    app: Flask, admin: Browser, helpdesk: Browser, low: str
) -> None:
    admin.post(BULK, {"ticket": ["1"], "priority": low}, on="/tickets")
    path = undo_path(admin.get("/tickets"))
    response = helpdesk.send(path, {})
    assert "Only who changed these tickets" in helpdesk.get(response.location).text
    assert priorities(app, 1) == ["Low"]
    assert helpdesk.send("/tickets/bulk-changes/99/undo", {}).status_code == 404


def test_all_of_a_page_can_be_selected_without_a_script(helpdesk: Browser, low: str) -> None:
    page = helpdesk.get("/tickets?select=all")
    boxes = page.all("input", name="ticket")
    assert len(boxes) == 12
    assert all(box.get("checked") is not None for box in boxes)
    assert all(box.get("form") == "bulk-form" for box in boxes)
    plain = helpdesk.get("/tickets")
    assert not [box for box in plain.all("input", name="ticket") if "checked" in box.attrib]
    link = next(a for a in plain.all("a") if "select=all" in str(a.get("href")))
    assert re.search(r"select=all", str(link.get("href")))


def test_a_ticket_offers_to_undo_it_here_or_everywhere(
    app: Flask, helpdesk: Browser, admin: Browser, low: str, fake_clock: FakeClock
) -> None:
    helpdesk.post(BULK, {"ticket": ["1", "2", "3"], "priority": low}, on="/tickets")
    path = "/tickets/1?from=/tickets?sort%3Doldest"
    page = helpdesk.get(path)
    assert "Undo here or undo for all 3 tickets" in page.text
    fields = page.form(undo_path(page))
    back = helpdesk.client.post(undo_path(page), data={**fields, "ticket": "1"}).location
    assert back.startswith("/tickets/1?from=/tickets?sort%3Doldest")
    page = helpdesk.get(back)
    assert "Undone: 1 ticket is as before." in page.text
    assert "undo for all" not in page.text
    assert priorities(app, 1, 2, 3) == ["Critical", "Low", "Low"]
    page = admin.get("/tickets/2")
    assert "undo for all 2 tickets" in page.text, "admins undo what others did"
    fake_clock.advance(minutes=11)
    late = helpdesk.client.post(undo_path(page), data=fields, follow_redirects=True)
    assert "A change can be undone for 10 minutes, not longer." in late.text
    assert "undo for all" not in helpdesk.get("/tickets/2").text
    assert "tickets changed." not in helpdesk.get("/tickets").text
    assert priorities(app, 1, 2, 3) == ["Critical", "Low", "Low"]


def test_closing_criticals_asks_first(app: Flask, helpdesk: Browser, low: str) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).where(Ticket.id > 2).values(priority_id=int(low)))
        session.execute(update(Alert).values(parsed_severity="low"))
    data = {"ticket": ["1", "2", "7"], "status": "4", "assignee": "me"}
    response = helpdesk.post(BULK, data, on="/tickets?sort=oldest")
    page = helpdesk.page_of(response, status=400)
    assert page.heading == "Close 2 critical tickets?"
    assert "3 tickets would be closed, and these are critical: TKT-000001, TKT-000002." in page.text
    assert selected(helpdesk.get("/tickets?sort=oldest")) == ["1", "2", "7"], "the way back"
    form = next(one for one in page.all("form") if one.get("action") == BULK)
    fields = [(one.get("name"), one.get("value")) for one in form.iter("input")]
    assert ("ticket", "7") in fields
    sent = {name: [value for key, value in fields if key == name] for name, _ in fields}
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == 7).values(priority_id=1))
    one_more = helpdesk.client.post(BULK, data={**sent, "confirmed": "2"})
    assert "Close 3 critical tickets?" in helpdesk.page_of(one_more, status=400).heading
    response = helpdesk.client.post(BULK, data={**sent, "confirmed": "3"})
    asked = helpdesk.page_of(response, status=400)
    assert asked.heading == "Close tickets"
    assert asked.one("input", name="confirmed").get("value") == "3", "it is not asked again"
    reason = {"confirmed": "3", "close_reason": "done_in_portal"}
    response = helpdesk.client.post(BULK, data={**sent, **reason})
    assert not selected(helpdesk.get("/tickets?tab=closed")), "it is forgotten"
    assert (response.status_code, response.location) == (303, "/tickets?sort=oldest")
    with app.app_context(), reading() as session:
        assert session.get(Ticket, 7, populate_existing=True).closed_at is not None
