"""Switching auto-close on offers to close the tickets whose incident is closed already."""

import pytest
from flask import Flask
from sqlalchemy import update

from tests.support.desk_data import Desk
from tests.web.pages import Browser
from webapp.models import Alert, Connection, Ticket
from webapp.services.transactions import reading, transaction

PAGE = "/integrations/huntress/1"
SAVE, CLOSE = f"{PAGE}/routing", f"{PAGE}/close-tickets"


@pytest.fixture
def left(app: Flask, desk: Desk) -> Desk:
    """Twelve open tickets, two of them of closed incidents."""
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(closed_at=None, status_id=1))
        session.execute(update(Alert).values(was_closed=False))
        session.execute(update(Alert).where(Alert.ticket_id.in_([2, 3])).values(was_closed=True))
    return desk


def closed(app: Flask) -> list[int]:
    with app.app_context(), reading() as session:
        rows = session.query(Ticket.id).filter(Ticket.closed_at.is_not(None)).order_by(Ticket.id)
        return [row.id for row in rows]


def test_the_offer_and_its_answer(app: Flask, admin: Browser, left: Desk) -> None:
    response = admin.post(SAVE, {"auto_close_tickets": "y"}, on=PAGE)
    assert (response.status_code, response.location) == (303, CLOSE)
    page = admin.get(CLOSE)
    assert "Routing configuration saved" in page.text
    assert "Close these 2 tickets" in page.text
    admin.client.head(CLOSE)
    assert closed(app) == []
    assert "Close 2 open tickets whose incident is closed at Huntress…" in admin.get(PAGE).text
    assert admin.client.post(CLOSE, data=page.form_of("csrf_token")).location == PAGE
    assert closed(app) == [2, 3]
    assert "2 tickets closed." in admin.get(PAGE).text
    assert "There is nothing to close" in admin.get(CLOSE).text


def test_only_switching_it_on_offers_anything(app: Flask, admin: Browser, left: Desk) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Connection).values(auto_close_tickets=True, closed_status_id=4))
    assert admin.post(SAVE, {"backfill_days": "3"}, on=PAGE).location == PAGE


def test_it_is_for_admins(app: Flask, helpdesk: Browser, left: Desk) -> None:
    assert helpdesk.send(CLOSE, {}).status_code == 403
    assert closed(app) == []
