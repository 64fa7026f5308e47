"""What the page of a link that takes a ticket says once the link has expired, and to whom."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows
from tests.web.pages import Browser
from webapp.models import TakeLink, Ticket
from webapp.services.errors import NotFoundError
from webapp.services.notices.read_facts import read_facts
from webapp.services.people.tokens import hash_token
from webapp.services.tickets.take_ticket import take_ticket
from webapp.services.transactions import reading

TOKEN = "abcdefgh"


@pytest.fixture
def linked(app: Flask, desk: Desk, fake_clock: FakeClock) -> Ticket:
    """An open ticket with a link to it for the helpdesk user, which has expired in 24 hours."""
    with app.app_context():
        ticket = next(
            one for one in all_rows(Ticket) if one.closed_at is None and one.assignee_id is None
        )
        with reading() as session:
            facts = read_facts(session, [ticket.id])[ticket.id].as_json()
        add(
            TakeLink(
                token_hash=hash_token(TOKEN),
                ticket_id=ticket.id,
                user_id=desk.helpdesk_id,
                facts=facts,
                created_at=fake_clock.now(),
                expires_at=fake_clock.now() + timedelta(hours=24),
            )
        )
    return ticket


def test_an_expired_link_tells_nothing_of_the_ticket(
    linked: Ticket, visitor: Browser, fake_clock: FakeClock
) -> None:
    assert linked.number in visitor.get(f"/take/{TOKEN}").text
    fake_clock.advance(hours=24)
    page = visitor.get(f"/take/{TOKEN}", status=404)
    assert "This link has expired" in page.text
    assert linked.number not in page.response.text
    assert f"/tickets/{linked.id}" not in page.response.text


def test_a_used_link_tells_nothing_either_once_it_has_expired(
    app: Flask, linked: Ticket, visitor: Browser, fake_clock: FakeClock
) -> None:
    visitor.post_own(f"/take/{TOKEN}", {})
    assert linked.number in visitor.get(f"/take/{TOKEN}").text
    fake_clock.advance(hours=24)
    page = visitor.get(f"/take/{TOKEN}", status=404)
    assert linked.number not in page.response.text
    with app.app_context(), pytest.raises(NotFoundError, match="expired"):
        take_ticket(TOKEN)  # and not: who has it


def test_the_address_is_no_referrer(linked: Ticket, visitor: Browser) -> None:
    for response in (
        visitor.client.get(f"/take/{TOKEN}"),
        visitor.post_own(f"/take/{TOKEN}", {}),
    ):
        assert response.headers["Referrer-Policy"] == "strict-origin"
