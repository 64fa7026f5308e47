"""Targets to which nothing is sent although something could be: delivery itself stands still.

A flood, a rest after failures, a pause, and what waits behind an earlier message of its ticket are
no such thing. That a receiver does not take messages is told of the target itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.notices.bundling import SentMessage, Waiting, choose_message, group_rows
from webapp.domain.notices.stored import is_stored_message
from webapp.domain.notices.target_kinds import KINDS, Kind, Limit
from webapp.domain.watch.alarm_kinds import STUCK_AFTER
from webapp.models import OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.notices.choose_rows import FLOOD

MOST_LOOKED_AT = 2_000


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

    It asks delivery's own rules what could have been sent at the beginning of that time.
    """
    before = now - STUCK_AFTER
    found = []
    for target, person in session.execute(_idle_targets(before)):
        groups = group_rows(_read_waiting(session, target.id, before), before)
        limits = KINDS[Kind(target.kind)].limits
        sent = _sent_lately(session, target.id, limits, before) if groups and limits else []
        if choose_message(groups, sent, limits, before) is not None:
            found.append(
                StuckTarget(
                    id=target.id,
                    name=f"{person}: {target.name}" if person else target.name,
                    messages=len(groups),
                    oldest_due_at=min(row.due_at for group in groups for row in group.rows),
                )
            )
    return found


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
            Target.paused_at.is_(None),
            Target.failing_since.is_(None),
            or_(Target.user_id.is_(None), Target.confirmed_at.is_not(None) & User.is_active),
            or_(Target.rests_until.is_(None), Target.rests_until <= before),
            or_(Target.last_success_at.is_(None), Target.last_success_at <= before),
        )
        .order_by(Target.id)
    )


def _read_waiting(session: Session, target_id: int, before: datetime) -> Sequence[Waiting]:
    """Return what waited already then, in the order in which it was written."""
    rows = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.target_id == target_id,
            OutboxRow.state == OutboxState.PENDING,
            OutboxRow.created_at <= before,
        )
        .order_by(OutboxRow.id)
        .limit(MOST_LOOKED_AT)
    )
    return [
        Waiting(
            id=row.id,
            due_at=row.due_at,
            next_try_at=row.next_try_at,
            subject=f"ticket:{row.ticket_id}" if row.ticket_id is not None else f"row:{row.id}",
            bundle=row.bundle,
            message_key=row.message_key,
            is_urgent=row.is_urgent,
            is_flood=row.bundle == FLOOD,
            is_apart=is_stored_message(row.facts),
        )
        for row in rows
    ]


def _sent_lately(
    session: Session, target_id: int, limits: Sequence[Limit], before: datetime
) -> list[SentMessage]:
    """Return the messages that counted against the target's limits then."""
    rows = session.execute(
        select(
            func.max(OutboxRow.sent_at, type_=OutboxRow.sent_at.type),
            func.max(case((OutboxRow.is_urgent, 1), else_=0)),
            func.max(case((OutboxRow.bundle == FLOOD, 1), else_=0)),
        )
        .where(
            OutboxRow.target_id == target_id,
            OutboxRow.sent_at > before - max(limit.span for limit in limits),
            OutboxRow.ticket_id.is_not(None),
        )
        .group_by(OutboxRow.message_key)
    )
    return [SentMessage(at, bool(urgent), bool(flood)) for at, urgent, flood in rows]
