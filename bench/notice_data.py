"""What a desk has told in years: targets, an outbox and escalations, beside the desk's tickets."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import insert, select

from bench import desk_data
from webapp import clock
from webapp.domain.notices.events import CREATED, EVENTS
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Board, Client, Escalation, OutboxRow, Priority, Status, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.transactions import transaction

TARGETS, ROWS, PENDING = 20, 100_000, 500
ESCALATIONS, RUNNING = 50_000, 200
PIECE = 10_000
KEPT_DAYS = 90
"""Nearly all of the outbox was sent within this time."""

KINDS = (Kind.EMAIL, Kind.SLACK, Kind.WEBHOOK, Kind.NTFY)


def fill_notices(app: Flask) -> None:
    """Add what was told of the tickets of `fill_desk_database`."""
    with app.app_context():
        now = clock.utcnow()
        with transaction() as session:
            session.execute(insert(Target), [_target(n, now) for n in range(TARGETS)])
            targets = list(session.scalars(select(Target.id).order_by(Target.id)))
        _in_pieces(Escalation, ESCALATIONS, _escalation_maker(now))
        _in_pieces(OutboxRow, ROWS, _row_maker(targets, now))
        desk_data.analyze()


def add_tickets(count: int) -> list[int]:
    """Add open tickets with as little as a ticket can have; returns their ids."""
    now = clock.utcnow()
    with transaction() as session:
        common = {
            "title": "Incident on GLX-DC01",
            "description": "",
            "client_id": session.scalars(select(Client.id)).first(),
            "board_id": session.scalars(select(Board.id)).first(),
            "status_id": session.scalars(select(Status.id)).first(),
            "priority_id": session.scalars(select(Priority.id)).first(),
            "source": "huntress",
            "created_at": now,
            "updated_at": now,
        }
        session.execute(
            insert(Ticket),
            [{**common, "number": desk_data.ticket_number(n)} for n in range(1, count + 1)],
        )
        return list(session.scalars(select(Ticket.id).order_by(Ticket.id)))


def facts_of(ticket_id: int) -> dict[str, Any]:
    """What is told of a ticket."""
    return TicketFacts(
        ticket_id=ticket_id,
        number=desk_data.ticket_number(ticket_id),
        title="Incident on GLX-DC01",
        client="Globex",
        client_id=1,
        board_id=1,
        severity="high",
    ).as_json()


def _in_pieces(model: Any, count: int, make: Callable[[int], dict[str, Any]]) -> None:
    for first in range(1, count + 1, PIECE):
        with transaction() as session:
            session.execute(insert(model), [make(n) for n in range(first, first + PIECE)])


def _target(number: int, now: datetime) -> dict[str, Any]:
    kind = KINDS[number % len(KINDS)]
    setting = "to" if kind is Kind.EMAIL else "url"
    return {
        "name": f"{kind} {number}",
        "kind": kind.value,
        "settings": {setting: "https://example.com"},
        "created_at": now - timedelta(days=desk_data.DAYS),
        "last_success_at": now,
    }


def _escalation_maker(now: datetime) -> Callable[[int], dict[str, Any]]:
    """One for each of the newest tickets; the last ones run."""

    def make(n: int) -> dict[str, Any]:
        is_running = n > ESCALATIONS - RUNNING
        age = timedelta(minutes=ESCALATIONS - n) if is_running else _age(n, ESCALATIONS)
        began = now - age
        return {
            "id": n,
            "ticket_id": desk_data.TICKETS - ESCALATIONS + n,
            "event": CREATED,
            "began_at": began,
            "step": 1,
            "due_at": now + timedelta(minutes=n % 30) if is_running else None,
            "ended_at": None if is_running else began + timedelta(minutes=n % 120),
            "end_reason": None if is_running else "taken",
        }

    return make


def _row_maker(targets: list[int], now: datetime) -> Callable[[int], dict[str, Any]]:
    chance = random.Random(6)

    def make(n: int) -> dict[str, Any]:
        is_pending = n > ROWS - PENDING
        age = timedelta(seconds=ROWS - n) if is_pending else _age(n, ROWS)
        escalation_id = 1 + (n - 1) * ESCALATIONS // ROWS
        ticket_id, created = desk_data.TICKETS - ESCALATIONS + escalation_id, now - age
        state = OutboxState.PENDING if is_pending else chance.choices(*_ENDED)[0]
        sent_at = created + timedelta(seconds=chance.randrange(1, 200))
        return {
            "key": f"bench:{n}",
            "message_key": None if is_pending else f"message-{n}",
            "target_id": targets[n % len(targets)],
            "target_name": f"Target {n % len(targets)}",
            "event": EVENTS[CREATED].type,
            "ticket_id": ticket_id,
            "escalation_id": escalation_id,
            "facts": facts_of(ticket_id),
            "is_urgent": n % 5 == 0,
            "created_at": created,
            "due_at": created,
            "state": state,
            "attempts": 0 if is_pending else 1,
            "next_try_at": created,
            "sent_at": sent_at if state == OutboxState.SENT else None,
            "answer": None if is_pending else "200 OK",
        }

    return make


_ENDED = (OutboxState.SENT, OutboxState.DROPPED, OutboxState.FAILED), (94, 5, 1)


def _age(n: int, count: int) -> timedelta:
    return timedelta(days=KEPT_DAYS) * (1 - n / count)
