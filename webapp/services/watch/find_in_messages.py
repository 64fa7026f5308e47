"""Messages that are not sent, and targets that do not take them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.watch.alarm_kinds import FAILING_AFTER, STUCK_AFTER, Trouble
from webapp.models import OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.watch.found import Found

FAILED_LATELY = timedelta(days=3)
"""For so long after it was written, a message that failed for good is an alarm."""


def find_in_messages(session: Session, now: datetime) -> Iterator[Found]:
    """Yield what is wrong with the delivery of messages at `now` (UTC)."""
    yield from find_stuck(session, now)
    yield from _failed(session, now)
    yield from _targets(session, now)


def find_stuck(session: Session, now: datetime) -> Iterator[Found]:
    """Yield that messages wait although they are due and their targets could be tried."""
    before = now - STUCK_AFTER
    count, oldest = session.execute(
        select(func.count(), func.min(OutboxRow.due_at))
        .join(Target, Target.id == OutboxRow.target_id)
        .where(
            OutboxRow.state == OutboxState.PENDING,
            OutboxRow.due_at <= before,
            OutboxRow.next_try_at <= before,
            Target.paused_at.is_(None),
            or_(Target.rests_until.is_(None), Target.rests_until <= before),
        )
    ).one()
    if count:
        minutes = (now - oldest) // timedelta(minutes=1)
        what = "message has" if count == 1 else "messages have"
        sentence = f"{count:,} {what} not been sent, the oldest for {minutes:,} minutes."
        yield Found(Trouble.OUTBOX, "", sentence)


def _failed(session: Session, now: datetime) -> Iterator[Found]:
    count = session.scalar(
        select(func.count()).where(
            OutboxRow.created_at > now - FAILED_LATELY, OutboxRow.state == OutboxState.FAILED
        )
    )
    if count:
        what = "message was" if count == 1 else "messages were"
        yield Found(Trouble.MESSAGES_FAILED, "", f"{count:,} {what} not delivered and given up.")


def _targets(session: Session, now: datetime) -> Iterator[Found]:
    """Targets that their receiver refused, and those that have failed for a while."""
    rows = session.execute(
        select(Target, User.name)
        .outerjoin(User, User.id == Target.user_id)
        .where(
            or_(
                Target.paused_at.is_not(None) & Target.paused_by_id.is_(None),
                Target.paused_at.is_(None) & (Target.failing_since <= now - FAILING_AFTER),
            )
        )
        .order_by(Target.id)
    )
    for target, person in rows:
        name = f"{person}: {target.name}" if person else target.name
        if target.paused_at is not None:
            why = target.pause_reason or target.last_answer or "its receiver refused it"
            yield Found(Trouble.TARGET_PAUSED, f"target:{target.id}", f"{name} is paused: {why}")
        else:
            why = target.last_answer or "no reason is known"
            yield Found(Trouble.TARGET_FAILING, f"target:{target.id}", f"{name} fails: {why}")
