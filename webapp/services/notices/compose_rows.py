"""Making one message of rows of the outbox."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.notices.compose import (
    DEFAULT_MAIL_SUBJECT,
    PAGE,
    Told,
    compose_bundle,
    compose_flood,
    compose_ticket,
    stage_of,
)
from webapp.domain.notices.facts import read_ticket_facts
from webapp.domain.notices.message import Message, Stage
from webapp.domain.notices.stored import is_stored_message, read_message
from webapp.models import NotificationSettings, OutboxRow, TakeLink
from webapp.services.people.sign_in import hash_token

TAKE_HOURS = 24


def compose_rows(
    session: Session, rows: Sequence[OutboxRow], config: Config, now: datetime, *, is_flood: bool
) -> Message:
    """Return the message that `rows` of one target make, in the caller's write transaction.

    A message to a person gets links that take its tickets, made anew for each attempt: only their
    hashes are stored.
    """
    first = rows[0]
    key = first.message_key or first.key
    if is_stored_message(first.facts):
        return read_message(first.facts, key=key, event=first.event, happened_at=first.created_at)
    list_url = f"{config.own_url}/tickets"
    told = [_told(session, row, config, now, with_link=not is_flood) for row in rows]
    if is_flood:
        return compose_flood(key, told, list_url=list_url)
    if len(told) > 1:
        reason = (first.bundle or PAGE).partition(":")[0]
        return compose_bundle(key, told, reason=reason, list_url=list_url)
    settings = session.get(NotificationSettings, 1)
    template = (settings.mail_subject if settings else None) or DEFAULT_MAIL_SUBJECT
    return compose_ticket(key, told[0], mail_subject=template)


def _told(
    session: Session, row: OutboxRow, config: Config, now: datetime, *, with_link: bool
) -> Told:
    facts = read_ticket_facts(row.facts)
    asks = stage_of(row.event) in (Stage.BEGINS, Stage.GOES_ON)
    token = None
    if with_link and asks and row.person_id is not None and row.ticket_id is not None:
        token = make_take_link(session, row.ticket_id, row.person_id, row.facts, now)
    return Told(
        type=row.event,
        facts=facts,
        url=f"{config.own_url}/tickets/{facts.ticket_id}",
        take_url=None if token is None else f"{config.own_url}/take/{token}",
        happened_at=row.created_at,
    )


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
