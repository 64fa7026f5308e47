"""Waiting, closing with a reason and due times, as pages show them."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, change, fresh
from tests.support.triage.clocks_data import set_targets
from tests.web.pages import Browser, words_of
from webapp.models import Alert, Status, Ticket
from webapp.services.tickets.clocks.recompute_clocks import recompute_clocks


@pytest.fixture
def ticket_id(app: Flask, desk: Desk) -> int:
    """An open, untouched ticket of an incident that is open at Huntress."""
    with app.app_context():
        ticket = all_rows(Ticket, Ticket.closed_at.is_(None))[0]
        [alert] = all_rows(Alert, Alert.ticket_id == ticket.id)
        change(Alert, alert.id, status="sent", steps_left=2, steps_total=5)
        return ticket.id


def closed_id(app: Flask) -> str:
    with app.app_context():
        return str(all_rows(Status, Status.is_closed)[0].id)


def stored(app: Flask, ticket_id: int) -> Ticket:
    with app.app_context():
        return fresh(Ticket, ticket_id)


@pytest.mark.parametrize("choice", ["tomorrow", "days", "date"])
def test_a_ticket_waits_from_its_page(
    app: Flask, helpdesk: Browser, ticket_id: int, fake_clock: FakeClock, choice: str
) -> None:
    path = f"/tickets/{ticket_id}/wait"
    when = f"{fake_clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"
    data = {"choice": choice, "until": when if choice == "date" else "", "reason": "A new laptop"}
    assert helpdesk.post(path, data, on=f"/tickets/{ticket_id}").status_code == 303
    page = helpdesk.get(f"/tickets/{ticket_id}")
    clock = words_of(page.one("section", aria_labelledby="clock-heading"))
    assert "Waits until" in clock
    assert "A new laptop" in clock
    assert "Waiting" in page.text
    listed = helpdesk.get("/tickets?waiting=1")
    assert stored(app, ticket_id).number in words_of(listed.one("tbody"))
    end = f"/tickets/{ticket_id}/wait/end"
    assert helpdesk.post(end, on=f"/tickets/{ticket_id}").status_code == 303
    assert stored(app, ticket_id).waiting_until is None


def test_a_refused_wait_keeps_what_was_typed(helpdesk: Browser, ticket_id: int) -> None:
    path = f"/tickets/{ticket_id}/wait"
    data = {"choice": "date", "until": "2020-01-01T10:00", "reason": "A new laptop"}
    page = helpdesk.page_of(helpdesk.post(path, data, on=path), status=400)
    assert "That moment is over" in page.text
    assert page.form(path)["reason"] == "A new laptop"
    assert page.form(path)["until"] == "2020-01-01T10:00"


def test_closing_asks_and_goes_on_with_the_answer(
    app: Flask, helpdesk: Browser, ticket_id: int
) -> None:
    path = f"/tickets/{ticket_id}/change"
    shown = f"/tickets/{ticket_id}?from=/tickets%3Fsort%3Doldest"
    close = {"status_id": closed_id(app), "priority_id": "4"}
    page = helpdesk.page_of(helpdesk.post(path, close, on=shown), status=400)
    assert "The incident is open at Huntress, 2 of 5 steps there are not done." in page.text
    assert stored(app, ticket_id).closed_at is None
    page = helpdesk.page_of(helpdesk.client.post(path, data=page.form(path)), status=400)
    assert "Choose why the ticket is closed all the same." in page.text
    other = {**page.form(path), "close_reason": "other", "close_note": " "}
    page = helpdesk.page_of(helpdesk.client.post(path, data=other), status=400)
    assert "Say in a few words why." in page.text
    answer = {**page.form(path), "close_reason": "other", "close_note": "Machine is *gone*."}
    response = helpdesk.client.post(path, data=answer)
    assert response.status_code == 303
    ticket = stored(app, ticket_id)
    assert (ticket.close_reason, ticket.priority_id) == ("other", 4)
    page = helpdesk.get(response.location)
    assert "Closed as Other" in words_of(page.one("section", aria_labelledby="clock-heading"))
    assert "Machine is gone." in page.text
    assert helpdesk.get("/tickets?state=closed&closed_as=other").all("a", class_="ticket-link")
    others = helpdesk.get("/tickets?state=closed&closed_as=duplicate")
    assert not others.all("a", class_="ticket-link")
    lines = helpdesk.client.get("/tickets/export?state=closed&closed_as=other").text.splitlines()
    assert len(lines) == 2
    assert "Close reason" in lines[0]
    assert "other" in lines[1]


def test_closing_as_a_duplicate_asks_of_which_ticket(
    app: Flask, helpdesk: Browser, ticket_id: int
) -> None:
    path = f"/tickets/{ticket_id}/change"
    close = {"status_id": closed_id(app)}
    page = helpdesk.page_of(helpdesk.post(path, close, on=f"/tickets/{ticket_id}"), status=400)
    answer = {
        **page.form(path),
        "close_reason": "duplicate",
        "close_original": "4711",
        "close_note": "Seen twice.",
    }
    page = helpdesk.page_of(helpdesk.client.post(path, data=answer), status=400)
    assert "There is no ticket TKT-004711." in words_of(page.one("p", id="close_original-error"))
    again = page.form(path)
    assert {name: again[name] for name in ("close_reason", "close_original", "close_note")} == {
        name: answer[name] for name in ("close_reason", "close_original", "close_note")
    }
    assert stored(app, ticket_id).closed_at is None
    del again["close_original"]
    page = helpdesk.page_of(helpdesk.client.post(path, data=again), status=400)
    assert "Enter the number of a ticket" in words_of(page.one("p", id="close_original-error"))
    with app.app_context():
        other = next(one for one in all_rows(Ticket) if one.id != ticket_id)
    sent = {**page.form(path), "close_original": f"#{other.id}"}
    page = helpdesk.get(helpdesk.client.post(path, data=sent).location)
    linked = words_of(page.one("section", aria_labelledby="links-heading"))
    assert "A duplicate of" in linked
    assert f"{other.number} · open" in linked
    assert stored(app, ticket_id).close_reason == "duplicate"


def test_many_are_asked_for_once(app: Flask, helpdesk: Browser, ticket_id: int) -> None:
    with app.app_context():
        ids = [one.id for one in all_rows(Ticket, Ticket.closed_at.is_(None))]
    data = {
        "ticket": [str(key) for key in ids],
        "status": closed_id(app),
        "confirmed": str(len(ids)),  # critical ones are to be closed as well
    }
    response = helpdesk.post("/tickets/bulk", data, on="/tickets?sort=oldest")
    page = helpdesk.page_of(response, status=400)
    assert "of these tickets" in page.text or "this ticket" in page.text
    back = helpdesk.get("/tickets?sort=oldest")
    chosen = [one.get("value") for one in back.all("input", name="ticket", checked="")]
    assert sorted(chosen) == sorted(data["ticket"]), (
        "they stay selected for who does not close them"
    )
    form = page.one("form", action="/tickets/bulk")
    assert not page.all("input", name="close_original"), "their originals differ"
    fields = [(one.get("name"), one.get("value")) for one in form.iter("input")
              if one.get("type") == "hidden"]  # fmt: skip
    sent = {name: [value for other, value in fields if other == name] for name, _ in fields}
    sent["close_reason"] = ["done_in_portal"]
    response = helpdesk.client.post("/tickets/bulk", data=sent)
    assert (response.status_code, response.location) == (303, "/tickets?sort=oldest")
    assert all(stored(app, key).closed_at for key in ids)
    assert stored(app, ticket_id).close_reason == "done_in_portal"


def test_due_and_overdue_are_shown_listed_and_sorted(
    app: Flask, helpdesk: Browser, desk: Desk, ticket_id: int, fake_clock: FakeClock
) -> None:
    with app.app_context():
        set_targets("1h", "9h", actor_id=desk.admin_id)
        fake_clock.advance(seconds=6)
        recompute_clocks(fake_clock.now())
        due = all_rows(Ticket, Ticket.due_at.is_not(None))
        over = [one.number for one in due if one.due_at and one.due_at <= fake_clock.now()]
    assert due
    assert over
    page = helpdesk.get("/tickets?overdue=1&sort=due")
    numbers = [words_of(cell) for cell in page.all("td", class_="col-number")]
    assert sorted(numbers) == sorted(over)
    assert numbers == [one.number for one in sorted(due, key=lambda one: (one.due_at, one.id))
                       if one.number in over]  # fmt: skip
    assert "Overdue" in [words_of(link) for link in page.all("a", aria_current="page")]
    shown = helpdesk.get(f"/tickets/{ticket_id}")
    assert "overdue" in words_of(shown.one("section", aria_labelledby="clock-heading"))
    assert helpdesk.get("/tickets?state=closed&sort=due").status == 200
