"""Choosing which of the rows that wait for a target become its next message."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, or_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.bundling import SentMessage, Waiting, choose_message, group_rows
from webapp.domain.notices.stored import is_stored_message
from webapp.domain.notices.target_kinds import KINDS, Kind, Limit
from webapp.models import OutboxRow, Target
from webapp.models.outbox import OutboxState

CLOCKS_DIFFER = timedelta(seconds=5)
"""By no more do the clocks of processes that go by one database."""

MOST_BUNDLED = 500
AT_ONCE = 20
FLOOD = "flood"
"""The bundle of rows that the notice of a flood stands for."""


def choose_rows(session: Session, target: Target, only_events: str | None) -> Sequence[OutboxRow]:
    """Return the rows of the next message, locked; none if nothing may be sent now."""
    now = clock.utcnow()
    limits = KINDS[Kind(target.kind)].limits
    rows = _waiting_rows(session, target, only_events, now, MOST_BUNDLED if limits else AT_ONCE)
    groups = group_rows([as_waiting(row) for row in rows], now)
    sent = sent_lately(session, target.id, limits, now) if groups and limits else []
    group = choose_message(groups, sent, limits, now)
    if group is None:
        return ()
    ids = {one.id for one in group.rows}
    members = [row for row in rows if row.id in ids]
    for row in members:
        row.is_urgent = row.is_urgent or group.is_urgent  # it counts with those that it went with
    if group.is_flood:
        for row in members:
            row.bundle = FLOOD
    return members


def _waiting_rows(
    session: Session, target: Target, only_events: str | None, now: datetime, most: int
) -> Sequence[OutboxRow]:
    """Return what is due, alarms and the urgent first, with what it is bundled with.

    What failed before comes last, so that it never holds up what is new.
    """
    waits = [OutboxRow.target_id == target.id, OutboxRow.state == OutboxState.PENDING]
    if only_events is not None:
        waits.append(OutboxRow.event.startswith(only_events))
    tried = _first_tried(target)
    is_message = OutboxRow.attempts > 0  # it stays whole, also if it tells of a ticket twice
    waits.append(or_(tried.c.first_id.is_(None), OutboxRow.id <= tried.c.first_id, is_message))
    due = session.execute(
        select(OutboxRow.id, OutboxRow.bundle, OutboxRow.message_key)
        .outerjoin(tried, tried.c.ticket_id == OutboxRow.ticket_id)
        .where(*waits, OutboxRow.due_at <= now, OutboxRow.next_try_at <= now)
        .order_by(*_order(target))
        .limit(most)
    ).all()
    mates = [
        column.in_(names)
        for column, names in (
            (OutboxRow.id, {row.id for row in due}),
            (OutboxRow.bundle, {row.bundle for row in due} - {None}),
            (OutboxRow.message_key, {row.message_key for row in due} - {None}),
        )
        if names
    ]
    if not mates:
        return ()
    return session.scalars(
        select(OutboxRow)
        .outerjoin(tried, tried.c.ticket_id == OutboxRow.ticket_id)
        .where(*waits, or_(*mates))
        .order_by(OutboxRow.id)
        .limit(2 * MOST_BUNDLED)
        .with_for_update(of=OutboxRow)
        .execution_options(populate_existing=True)
    ).all()


def _order(target: Target) -> Sequence[ColumnElement[Any]]:
    """The order in which a target is told; a machine gets what happened first first."""
    if KINDS[Kind(target.kind)].is_machine:
        return OutboxRow.attempts.asc(), OutboxRow.id.asc()
    return (
        OutboxRow.ticket_id.is_(None).desc(),
        OutboxRow.is_urgent.desc(),
        OutboxRow.attempts.asc(),
        OutboxRow.id.asc(),
    )


def _first_tried(target: Target) -> Subquery:
    """The first row of each ticket that was tried and waits: what came later waits for it.

    Also if it is due again: it is sent first, and not what is new.
    """
    return (
        select(OutboxRow.ticket_id, func.min(OutboxRow.id).label("first_id"))
        .where(
            OutboxRow.target_id == target.id,
            OutboxRow.state == OutboxState.PENDING,
            OutboxRow.attempts > 0,
            OutboxRow.ticket_id.is_not(None),
        )
        .group_by(OutboxRow.ticket_id)
        .subquery()
    )


def as_waiting(row: OutboxRow) -> Waiting:
    """Return a row as the rules of bundling see it."""
    subject = f"ticket:{row.ticket_id}" if row.ticket_id is not None else f"row:{row.id}"
    return Waiting(
        id=row.id,
        due_at=row.due_at,
        next_try_at=row.next_try_at,
        subject=subject,
        bundle=row.bundle,
        message_key=row.message_key,
        is_urgent=row.is_urgent,
        is_flood=row.bundle == FLOOD,
        is_apart=is_stored_message(row.facts),
    )


def sent_lately(
    session: Session, target_id: int, limits: Sequence[Limit], now: datetime
) -> list[SentMessage]:
    """Return the messages about tickets that were sent within the longest of the spans.

    Times to come are those of a clock that was set back; they would count for too long.
    """
    since = now - max(limit.span for limit in limits)
    rows = session.execute(
        select(
            OutboxRow.message_key,
            func.max(OutboxRow.sent_at, type_=OutboxRow.sent_at.type),
            func.max(case((OutboxRow.is_urgent, 1), else_=0)),
            func.max(case((OutboxRow.bundle == FLOOD, 1), else_=0)),
        )
        .where(
            OutboxRow.target_id == target_id,
            OutboxRow.sent_at > since,
            OutboxRow.sent_at <= now + CLOCKS_DIFFER,
            OutboxRow.ticket_id.is_not(None),
        )
        .group_by(OutboxRow.message_key)
    )
    return [SentMessage(at, bool(urgent), bool(flood)) for _, at, urgent, flood in rows]
