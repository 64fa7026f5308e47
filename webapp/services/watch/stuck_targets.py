"""Targets to which nothing is sent although something could be: delivery itself stands still.

A flood, a rest after failures, a pause, a restore that nobody has released, and what waits behind
an earlier message of its ticket are no such thing. That a receiver does not take messages is told
of the target itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.notices.bundling import choose_message, group_rows
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.domain.watch.alarm_kinds import STUCK_AFTER
from webapp.models import OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.notices.choose_rows import as_waiting, sent_lately
from webapp.services.restored import are_messages_free

MOST_LOOKED_AT = 200
"""So many due rows of a target are judged by delivery's rules; of more, the number is counted."""


@dataclass(frozen=True, slots=True)
class StuckTarget:
    """A target, how many messages could have been sent to it for long, and when the first was due.

    `name` names the person, too, if it is a contact method.
    """

    id: int
    name: str
    messages: int
    oldest_due_at: datetime


def list_stuck_targets(session: Session, now: datetime) -> list[StuckTarget]:
    """Return the targets that were sent nothing for STUCK_AFTER before `now`, though they could be.

    It asks delivery's own rules what could have been sent at the beginning of that time. However
    many messages wait, it takes three or four statements for each target that they wait for.
    """
    before = now - STUCK_AFTER
    found = []
    for target, person in session.execute(_idle_targets(before)):
        stuck = _judge(session, target, before)
        if stuck is not None:
            name = f"{person}: {target.name}" if person else target.name
            found.append(StuckTarget(target.id, name, *stuck))
    return found


def _judge(session: Session, target: Target, before: datetime) -> tuple[int, datetime] | None:
    """Return how many messages could have been sent then, and when the first was due."""
    due = session.execute(
        select(OutboxRow.id, OutboxRow.bundle, OutboxRow.message_key, OutboxRow.ticket_id)
        .where(*_is_due(target.id, before))
        .order_by(OutboxRow.ticket_id.is_(None).desc(), OutboxRow.is_urgent.desc(), OutboxRow.id)
        .limit(MOST_LOOKED_AT + 1)
    ).all()
    rows = _with_mates(session, target.id, due[:MOST_LOOKED_AT], before)
    groups = group_rows([as_waiting(row) for row in rows], before)
    limits = KINDS[Kind(target.kind)].limits
    sent = sent_lately(session, target.id, limits, before) if groups and limits else []
    if choose_message(groups, sent, limits, before) is None:
        return None
    if len(due) > MOST_LOOKED_AT:
        return _count(session, target.id, before)
    return len(groups), min(row.due_at for group in groups for row in group.rows)


def _is_due(target_id: int, before: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL for what was due then, but for tickets of which a message is tried again and again."""
    waits = (OutboxRow.target_id == target_id, OutboxRow.state == OutboxState.PENDING)
    tried = select(OutboxRow.ticket_id).where(
        *waits, OutboxRow.attempts > 0, OutboxRow.ticket_id.is_not(None)
    )
    return (
        *waits,
        OutboxRow.due_at <= before,
        OutboxRow.next_try_at <= before,
        or_(
            OutboxRow.attempts > 0,
            OutboxRow.ticket_id.is_(None),
            OutboxRow.ticket_id.not_in(tried),
        ),
    )


def _with_mates(
    session: Session, target_id: int, due: Sequence[Any], before: datetime
) -> Sequence[OutboxRow]:
    """Return rows with what they are bundled with or have to wait for, as they were written."""
    names = (
        (OutboxRow.id, {row.id for row in due}),
        (OutboxRow.bundle, {row.bundle for row in due} - {None}),
        (OutboxRow.message_key, {row.message_key for row in due} - {None}),
        (OutboxRow.ticket_id, {row.ticket_id for row in due} - {None}),
    )
    return session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.target_id == target_id,
            OutboxRow.state == OutboxState.PENDING,
            OutboxRow.created_at <= before,
            or_(*(column.in_(values) for column, values in names)),
        )
        .order_by(OutboxRow.id)
        .limit(3 * MOST_LOOKED_AT)
    ).all()


def _count(session: Session, target_id: int, before: datetime) -> tuple[int, datetime]:
    message = func.coalesce(OutboxRow.message_key, OutboxRow.bundle, cast(OutboxRow.id, String))
    oldest = func.min(OutboxRow.due_at, type_=OutboxRow.due_at.type)
    count, due_at = session.execute(
        select(func.count(message.distinct()), oldest).where(*_is_due(target_id, before))
    ).one()
    return count, due_at


def _idle_targets(before: datetime) -> Select[Target, str | None]:
    """SQL for targets that could be sent to, and took nothing since then, each with its person."""
    is_waiting = select(OutboxRow.id).where(
        OutboxRow.target_id == Target.id,
        OutboxRow.state == OutboxState.PENDING,
        OutboxRow.due_at <= before,
        OutboxRow.next_try_at <= before,
    )
    return (
        select(Target, User.name)
        .outerjoin(User, User.id == Target.user_id)
        .where(
            is_waiting.exists(),
            are_messages_free(),
            Target.paused_at.is_(None),
            Target.failing_since.is_(None),
            or_(Target.user_id.is_(None), Target.confirmed_at.is_not(None) & User.may_work),
            or_(Target.rests_until.is_(None), Target.rests_until <= before),
            or_(Target.last_success_at.is_(None), Target.last_success_at <= before),
        )
        .order_by(Target.id)
    )
