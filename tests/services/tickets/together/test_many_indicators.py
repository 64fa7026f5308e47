"""300,000 indicators, one of them in every other ticket: pages stay quick, on both databases."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import insert, select

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from webapp.extensions import db
from webapp.models import Indicator, Ticket
from webapp.services.operations.housekeeping import refresh_statistics
from webapp.services.tickets.indicators.read_indicators import SEEN_LIMIT, read_indicators
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.tickets.ticket_filters import IndicatorFilter
from webapp.services.transactions import transaction

pytestmark = [both_databases, pytest.mark.soak]

TICKETS, EACH = 10_000, 30
SECONDS = 1.0
"""Ten times what a page may take: a busy machine is no failure, reading everything is one."""


def fill(app: Flask, fake_clock: FakeClock) -> int:
    """Every other ticket has indicators of its own, all others have the same ones."""
    desk_data.fill_desk(fake_clock.now(), tickets=2)
    with transaction() as session:
        first = session.scalars(select(Ticket).order_by(Ticket.id)).first()
        names = [one.name for one in Ticket.__table__.columns if one.name not in ("id", "number")]
        values = {name: getattr(first, name) for name in names}
        values |= {"connection_id": None, "source_reference": None, "form_token": None}
        session.execute(
            insert(Ticket), [{**values, "number": f"X-{number}"} for number in range(TICKETS)]
        )
        ids = session.scalars(select(Ticket.id).order_by(Ticket.id)).all()
        for place, ticket_id in enumerate(ids):
            keys = [
                f"{(number if place % 2 else place * EACH + number):064x}" for number in range(EACH)
            ]
            session.execute(
                insert(Indicator).returning(Indicator.id),
                [
                    {"ticket_id": ticket_id, "kind": "path", "value": key, "key": key}
                    for key in keys
                ],
            )
    refresh_statistics()
    return ids[-1]


def seconds(read: Callable[[], object]) -> float:
    read()
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


def test_what_a_page_reads_is_bounded(app: Flask, fake_clock: FakeClock) -> None:
    ticket_id = fill(app, fake_clock)
    with app.app_context():
        groups = read_indicators(ticket_id)
        assert {one.tickets for group in groups for one in group.indicators} == {SEEN_LIMIT}
        assert seconds(lambda: read_indicators(ticket_id)) < SECONDS
        common = IndicatorFilter(f"{1:064x}", "x", "x")
        assert list_tickets(TicketQuery(indicator=common)).open_count > 900
        assert seconds(lambda: list_tickets(TicketQuery(indicator=common))) < SECONDS
        db.session.rollback()
