"""What the daily proof and the last drill found."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.domain.watch.alarm_kinds import PROOF_AFTER, Trouble
from webapp.models import Drill, Proof
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.watch.found import Found, subject_of

TOLD_FOR = timedelta(days=1)
"""For so long, incidents that had been missed are an alarm."""

DRILL_TOLD_FOR = timedelta(days=3)
"""For so long, a failed drill is an alarm if no other one succeeds."""


def find_in_proofs(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Found]:
    """Yield what proofs and drills say at `now` (UTC)."""
    missed = _missed(session, now)
    proven = _last_proven(session)
    for one in connections:
        if count := missed.get(one.id, 0):
            what = "incident" if count == 1 else "incidents"
            sentence = f"{one.name}: the daily proof found {count:,} {what} without a ticket."
            yield Found(Trouble.UNEXPLAINED, subject_of(one.id), sentence)
        last = proven.get(one.id)
        if last is not None and one.judgement.is_scheduled and now - last > PROOF_AFTER:
            hours = (now - last) // timedelta(hours=1)
            sentence = f"{one.name}: the last proof that nothing is missing is {hours} hours old."
            yield Found(Trouble.PROOF_OVERDUE, subject_of(one.id), sentence)
    yield from _failed_drill(session, now)


def _missed(session: Session, now: datetime) -> dict[int, int]:
    """What was missing, also by a proof that put it right and was then killed."""
    seen_at = func.coalesce(Proof.finished_at, Proof.started_at)
    rows = session.execute(
        select(Proof.connection_id, func.max(Proof.unexplained))
        .where(seen_at > now - TOLD_FOR, Proof.unexplained > 0)
        .group_by(Proof.connection_id)
    )
    return dict(rows.all())


def _last_proven(session: Session) -> dict[int, datetime]:
    rows = session.execute(
        select(Proof.connection_id, func.max(Proof.finished_at))
        .where(Proof.finished_at.is_not(None), Proof.error.is_(None))
        .group_by(Proof.connection_id)
    )
    return {key: moment for key, moment in rows if moment is not None}


def _failed_drill(session: Session, now: datetime) -> Iterator[Found]:
    drill = session.scalars(
        select(Drill)
        .where(Drill.ended_at.is_not(None))
        .order_by(Drill.started_at.desc(), Drill.id.desc())
        .limit(1)
    ).one_or_none()
    if drill is not None and drill.failed_at and now - drill.started_at < DRILL_TOLD_FOR:
        why = f" {drill.problem}" if drill.problem else ""
        yield Found(Trouble.DRILL, "", f"The last drill did not get past “{drill.failed_at}”.{why}")
