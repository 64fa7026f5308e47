"""A clock that was set back: what was to come soon must not come so much later.

Stored times are then in the future by as much as the clock went back: a repetition that was due in
ten minutes would be due in seventy. The last round of a watcher tells that it happened: it cannot
be later than now.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.domain.notices.compose import HELD
from webapp.models import Alarm, Escalation, OutboxRow, Target, WatcherRound
from webapp.models.outbox import OutboxState
from webapp.services.notices.deliver import LEASE
from webapp.services.transactions import NO_SYNC, reading, transaction

TOLERANCE = timedelta(minutes=1)
"""Clocks of machines that go by one database differ by less."""

log = logging.getLogger(__name__)


def mend_times(now: datetime, last_round_at: datetime | None = None) -> timedelta | None:
    """If the clock was set back before `now` (UTC), move along what was to come.

    Steps and retries keep the waits that they had at the last round; what is held until a time of
    the day is left as it is. Returns by how much the clock went back, as far as is known, or None.

    `last_round_at` is when this process did its last round, None at its first: beside a watcher
    whose clock goes on as before, only its own first round finds that the clock was set back. Of
    several watchers of one database, one mends.
    """
    if last_round_at is not None and not _is_later(last_round_at, now):
        return None
    with reading() as session:
        if not _is_later(session.scalar(select(func.max(WatcherRound.completed_at))), now):
            return None
    with transaction() as session:
        rounds = session.scalars(select(WatcherRound).with_for_update()).all()
        latest = max((one.completed_at for one in rounds if one.completed_at), default=None)
        if latest is None or not _is_later(latest, now):
            return None
        _mend_escalations(session, latest - now, now)
        _mend_targets(session, now)
        _mend_messages(session, latest - now, now)
        _mend_alarms(session, now)
        for one in rounds:
            one.began_at = min(one.began_at, now)
            one.completed_at = min(one.completed_at or now, now)
            if one.heartbeat_at is not None:
                one.heartbeat_at = min(one.heartbeat_at, now)
    log.warning("The clock was set back by about %s; what is to come was moved along", latest - now)
    return latest - now


def _is_later(latest: datetime | None, now: datetime) -> bool:
    return latest is not None and latest - now > TOLERANCE


def _mend_escalations(session: Session, back: timedelta, now: datetime) -> None:
    running = select(Escalation).where(Escalation.ended_at.is_(None), Escalation.due_at > now)
    for one in session.scalars(running.with_for_update()):
        if one.due_at is not None:
            one.due_at -= back


def _mend_targets(session: Session, now: datetime) -> None:
    """Nothing rests any more; who delivers just now may go on, but not for longer than ever."""
    session.execute(
        update(Target).where(Target.rests_until > now).values(rests_until=None),
        execution_options=NO_SYNC,
    )
    session.execute(
        update(Target).where(Target.lease_until > now + LEASE).values(lease_until=now + LEASE),
        execution_options=NO_SYNC,
    )


def _mend_messages(session: Session, back: timedelta, now: datetime) -> None:
    waiting = session.execute(
        select(OutboxRow.id, OutboxRow.due_at, OutboxRow.next_try_at, OutboxRow.bundle)
        .where(OutboxRow.state == OutboxState.PENDING, OutboxRow.next_try_at > now)
        .with_for_update()
    ).all()
    values = [
        {
            "id": row.id,
            "due_at": row.due_at if row.due_at <= now else row.due_at - back,
            "next_try_at": row.next_try_at - back,
        }
        for row in waiting
        if row.due_at <= now or not (row.bundle or "").startswith(f"{HELD}:")
    ]
    if values:
        session.execute(update(OutboxRow), values)


def _mend_alarms(session: Session, now: datetime) -> None:
    """An alarm is told again some hours after now, and not after a time that is to come."""
    for alarm in session.scalars(select(Alarm).where(Alarm.ended_at.is_(None)).with_for_update()):
        alarm.began_at = min(alarm.began_at, now)
        if alarm.last_told_at is not None:
            alarm.last_told_at = min(alarm.last_told_at, now)
