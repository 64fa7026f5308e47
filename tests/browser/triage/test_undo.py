"""A bulk change is taken back after ten minutes of other work, and not after more."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import update

from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from webapp.models import Alert, Ticket
from webapp.services.transactions import reading, transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
UNDO = "Undone: 3 tickets are as before."


def closed(app: Flask) -> list[int]:
    with app.app_context(), reading() as session:
        rows = session.query(Ticket.id).filter(Ticket.closed_at.is_not(None)).order_by(Ticket.id)
        return [row.id for row in rows]


def close_first(page: Page, confirm: str) -> None:
    """Close the first three tickets of the list; two of them are critical."""
    page.goto("/tickets?sort=oldest")
    for box in page.locator("input[name=ticket]").all()[:3]:
        box.check()
    page.get_by_label("Set status").select_option("Closed")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name=confirm).click()
    expect(page.get_by_text("3 tickets changed.")).to_be_visible()


def test_undo_after_ten_minutes_of_other_work(
    app: Flask, fake_clock: FakeClock, desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    with app.app_context(), transaction() as session:
        plain = {"closed_at": None, "status_id": 1, "priority_id": 3, "assignee_id": None}
        session.execute(update(Ticket).values(plain))
        session.execute(update(Alert).values(parsed_severity="low", was_closed=True, steps_left=0))
        session.execute(update(Ticket).where(Ticket.id < 3).values(priority_id=1))
    page = open_page()
    sign_in(page, HELPDESK)
    close_first(page, "Close all 3 tickets, 2 critical tickets among them")
    chosen = closed(app)
    assert len(chosen) == 3
    others = [one for one in range(1, 10) if one not in chosen][:5]
    for ticket_id in others:
        fake_clock.advance(minutes=2)
        page.goto(f"/tickets/{ticket_id}")
        page.get_by_role("button", name="Assign to me").click()
        expect(page.get_by_text("The ticket was updated.")).to_be_visible()
    page.goto("/tickets?sort=oldest")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text(UNDO)).to_be_visible()
    assert closed(app) == []

    close_first(page, "Close all 3 tickets, 2 critical tickets among them")
    page.goto(f"/tickets/{chosen[0]}")
    one = page.get_by_role("button", name="Undo here")
    everywhere = page.get_by_role("button", name="undo for all 3 tickets")
    expect(everywhere).to_be_visible()
    fake_clock.advance(minutes=5)
    one.click()
    expect(page.get_by_text("Undone: 1 ticket is as before.")).to_be_visible()
    assert closed(app) == chosen[1:]
    page.goto(f"/tickets/{chosen[1]}")
    fake_clock.advance(minutes=5, seconds=1)
    page.get_by_role("button", name="undo for all 2 tickets").click()
    expect(page.get_by_text("A change can be undone for 10 minutes, not longer.")).to_be_visible()
    assert closed(app) == chosen[1:]
    page.reload()
    expect(page.get_by_role("button", name="Undo here")).to_have_count(0)
    page.goto("/tickets")
    expect(page.get_by_text("tickets changed.")).to_have_count(0)
