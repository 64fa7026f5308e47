"""The outbox on its page and on the ticket's: what was sent, to whom, and once more."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.receivers.notices_data import add_target
from tests.support.rows import add, all_rows, change
from tests.web.pages import Browser
from webapp.models import OutboxRow, Ticket
from webapp.models.outbox import OutboxState

PAGE = "/notifications/outbox"


@pytest.fixture
def rows(app: Flask, desk: Desk, fake_clock: FakeClock) -> list[int]:
    """A message in each state about ticket 1, to the same target."""
    now = fake_clock.now()
    with app.app_context():
        target = add_target("soc@example.com")
        return [
            add(
                OutboxRow(
                    key=f"row:{state}",
                    target_id=target,
                    target_name="soc@example.com",
                    event="ticket.created",
                    ticket_id=1,
                    facts={},
                    created_at=now,
                    due_at=now,
                    next_try_at=now + timedelta(minutes=5),
                    sent_at=now if state is OutboxState.SENT else None,
                    state=state,
                    attempts=1,
                    answer=f"<b>{state}</b>",
                )
            ).id
            for state in OutboxState
        ]


def number_of(app: Flask) -> str:
    with app.app_context():
        return all_rows(Ticket)[0].number


def test_it_shows_what_was_sent_and_what_the_answer_was(
    app: Flask, admin: Browser, rows: list[int]
) -> None:
    page = admin.get(PAGE)
    assert len(page.all("tr")) == 1 + len(rows)
    assert f"Ticket created {number_of(app)} soc@example.com" in page.text
    assert "<b>failed</b>" in page.text
    assert "1 try; next in 5 min" in page.text


@pytest.mark.parametrize(
    ("query", "shown"),
    [("state=failed", 1), ("event=ticket.created", 4), ("event=alarm.began", 0), ("target=99", 0)],
)
def test_filters(admin: Browser, rows: list[int], query: str, shown: int) -> None:
    page = admin.get(f"{PAGE}?{query}")
    assert len(page.all("tr")) == (shown + 1 if shown else 0)


def test_the_number_of_a_ticket_finds_its_messages(
    app: Flask, admin: Browser, rows: list[int]
) -> None:
    found = admin.get(PAGE, query_string={"ticket": number_of(app).lower()})
    assert len(found.all("tr")) == 5
    assert "No message fits" in admin.get(f"{PAGE}?ticket=TKT-0&after=x&target=%00").text


def test_what_failed_is_sent_again(app: Flask, admin: Browser, rows: list[int]) -> None:
    failed = rows[list(OutboxState).index(OutboxState.FAILED)]
    response = admin.post(f"{PAGE}/{failed}/again", on=f"{PAGE}?state=failed")
    assert response.location == f"{PAGE}?state=failed"
    assert "1 row will be sent again at once." in admin.get(PAGE).text
    admin.send(f"{PAGE}/{failed}/again", {})
    assert "has not failed" in admin.get(PAGE).text
    with app.app_context():
        change(OutboxRow, failed, state=OutboxState.FAILED)
    assert admin.post(f"{PAGE}/again", on=PAGE).location == PAGE
    with app.app_context():
        assert {one.state for one in all_rows(OutboxRow, OutboxRow.id == failed)} == {"pending"}


def test_alarms_and_summaries_are_told_apart_by_their_titles(
    app: Flask, admin: Browser, rows: list[int]
) -> None:
    with app.app_context():
        stored = {"title": "<b>The disk\nis full</b>", "lines": []}
        change(OutboxRow, rows[0], ticket_id=None, event="alarm.began", facts=stored)
        change(OutboxRow, rows[1], facts={"title": "Malware on WS-1"})
    text = admin.get(PAGE).text
    assert "<b>The disk is full</b>" in text
    assert f"{number_of(app)} Malware on WS-1" in text


def test_sending_again_leads_to_no_other_site(admin: Browser, rows: list[int]) -> None:
    sent = admin.send(f"{PAGE}/again", {"next": "//evil.example"})
    assert sent.location == PAGE


def test_the_ticket_says_who_was_told(
    app: Flask, admin: Browser, helpdesk: Browser, rows: list[int]
) -> None:
    text = helpdesk.get("/tickets/1").text
    assert "Who was told soc@example.com Ticket created" in text
    assert "Not needed" not in text
    assert admin.get("/tickets/1").all("a", href=f"{PAGE}?ticket={number_of(app)}")
    with app.app_context():
        change(Ticket, 1, is_muted=True)
        change(Ticket, 2, is_drill=True)
    assert "Muted" in helpdesk.get("/tickets/1").text
    assert "DRILL" in helpdesk.get("/tickets/2").text
    listed = helpdesk.get("/tickets?state=all").text
    assert "Muted" in listed or "DRILL" in listed
