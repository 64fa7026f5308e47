"""Making one message of rows of the outbox."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.notices.compose import (
    DEFAULT_MAIL_SUBJECT,
    FLOOD_NAMED,
    MOST_NAMED,
    PAGE,
    Told,
    compose_bundle,
    compose_flood,
    compose_ticket,
    places_to_take,
)
from webapp.domain.notices.facts import read_ticket_facts
from webapp.domain.notices.message import Message
from webapp.domain.notices.stored import is_stored_message, read_message
from webapp.models import NotificationSettings, OutboxRow, TakeLink
from webapp.services.people.tokens import hash_token

TAKE_HOURS = 24


def compose_rows(
    session: Session, rows: Sequence[OutboxRow], config: Config, now: datetime, *, is_flood: bool
) -> Message:
    """Return the message that `rows` of one target make, in the caller's write transaction.

    A message to a person gets links that take the tickets that it names, made anew for each
    attempt: only their hashes are stored.
    """
    first = rows[0]
    key = first.message_key or first.key
    if is_stored_message(first.facts):
        return read_message(first.facts, key=key, event=first.event, happened_at=first.created_at)
    list_url = f"{config.own_url}/tickets"
    told = [_told(row, config) for row in rows]
    for place in places_to_take(told)[: FLOOD_NAMED if is_flood else MOST_NAMED]:
        take_url = _make_take_url(session, rows[place], config, now)
        told[place] = replace(told[place], take_url=take_url)
    if is_flood:
        return compose_flood(key, told, list_url=list_url)
    if len(told) > 1:
        reason = (first.bundle or PAGE).partition(":")[0]
        return compose_bundle(key, told, reason=reason, list_url=list_url)
    settings = session.get(NotificationSettings, 1)
    template = (settings.mail_subject if settings else None) or DEFAULT_MAIL_SUBJECT
    return compose_ticket(key, told[0], mail_subject=template)


def _told(row: OutboxRow, config: Config) -> Told:
    facts = read_ticket_facts(row.facts)
    return Told(
        type=row.event,
        facts=facts,
        url=f"{config.own_url}/tickets/{facts.ticket_id}",
        happened_at=row.created_at,
    )


def _make_take_url(session: Session, row: OutboxRow, config: Config, now: datetime) -> str | None:
    """Return where the row's person takes its ticket; None for a target of the team."""
    if row.person_id is None or row.ticket_id is None:
        return None
    token = make_take_link(session, row.ticket_id, row.person_id, row.facts, now)
    return f"{config.own_url}/take/{token}"


def make_take_link(
    session: Session, ticket_id: int, user_id: int, facts: dict[str, Any], now: datetime
) -> str:
    """Store a link with which this person takes this ticket, and return its token."""
    token = secrets.token_urlsafe(24)
    session.add(
        TakeLink(
            token_hash=hash_token(token),
            ticket_id=ticket_id,
            user_id=user_id,
            facts=facts,
            created_at=now,
            expires_at=now + timedelta(hours=TAKE_HOURS),
        )
    )
    return token
