"""Reports that nobody can read, and incidents that became tickets late."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from webapp.domain.polling_health import State
from webapp.domain.watch.alarm_kinds import LATE_AFTER, QUARANTINE_HOURS, Trouble
from webapp.models import Alert, InboxRow, PollRun
from webapp.models.poll_run import COMPLETED
from webapp.models.watch import is_no_drill_report
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.watch.found import Found, subject_of

LATELY = timedelta(hours=1)
"""For so long after its ticket, a late incident is an alarm."""

LOOKS_BACK = timedelta(days=3)
"""How old an incident may be; older ones that were missed are the daily proof's."""


def find_in_reports(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Found]:
    """Yield what waits too long, or came too late, of each connection at `now` (UTC)."""
    quarantined, waiting, late = (
        _quarantined(session, now),
        _waiting(session, now),
        _late(session, connections, now),
    )
    for one in connections:
        count = quarantined.get(one.id, 0)
        if count:
            yield Found(Trouble.QUARANTINE, subject_of(one.id), _quarantine_words(one.name, count))
        stuck = waiting.get(one.id, 0) if one.judgement.state is State.COMPLETED else 0
        if count := late.get(one.id, 0) + stuck:
            yield Found(Trouble.LATE, subject_of(one.id), _late_words(one.name, count))


def _quarantined(session: Session, now: datetime) -> dict[int, int]:
    """How many reports are in quarantine, of connections where one is for hours."""
    rows = session.execute(
        select(InboxRow.connection_id, func.count())
        .where(
            InboxRow.quarantined_at.is_not(None),
            InboxRow.dismissed_at.is_(None),
            is_no_drill_report(),
        )
        .group_by(InboxRow.connection_id)
        .having(func.min(InboxRow.quarantined_at) <= now - timedelta(hours=QUARANTINE_HOURS))
    )
    return dict(rows.all())


def _waiting(session: Session, now: datetime) -> dict[int, int]:
    """How many reports wait in the inbox although polls should have made tickets of them."""
    rows = session.execute(
        select(InboxRow.connection_id, func.count())
        .where(
            InboxRow.quarantined_at.is_(None),
            InboxRow.dismissed_at.is_(None),
            InboxRow.first_fetched_at <= now - LATE_AFTER,
            is_no_drill_report(),
        )
        .group_by(InboxRow.connection_id)
    )
    return dict(rows.all())


def _late(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> dict[int, int]:
    """How many incidents came late although an earlier poll that ended well should have found them.

    What was sent before polling began or went on again was not to be expected earlier.
    """
    counts: dict[int, int] = {}
    expected_from = {one.id: _expected_from(one) for one in connections}
    for key, sent_at, recorded_at in _passed_over(session, now):
        since = expected_from.get(key)
        is_expected = since is not None and sent_at is not None and sent_at >= since
        if sent_at is not None and is_expected and recorded_at - sent_at > LATE_AFTER:
            counts[key] = counts.get(key, 0) + 1
    return counts


def _expected_from(one: JudgedConnection) -> datetime | None:
    moments = (one.facts.started_at, one.facts.resumed_at)
    return max((moment for moment in moments if moment is not None), default=None)


def _passed_over(session: Session, now: datetime) -> Sequence[Row[int, datetime | None, datetime]]:
    """Incidents recorded lately, sent before a poll that ended well without them."""
    earlier_poll = exists().where(
        PollRun.connection_id == Alert.connection_id,
        PollRun.started_at > Alert.triggered_at,
        PollRun.state == COMPLETED,
        PollRun.finished_at < Alert.created_at,
    )
    rows = session.execute(
        select(Alert.connection_id, Alert.triggered_at, Alert.created_at).where(
            Alert.triggered_at > now - LOOKS_BACK,
            Alert.created_at > now - LATELY,
            Alert.ticket_id.is_not(None),
            Alert.is_drill.is_(False),
            earlier_poll,
        )
    )
    return rows.all()


def _quarantine_words(name: str, count: int) -> str:
    what = "report is" if count == 1 else "reports are"
    return f"{name}: {count:,} {what} in quarantine, for more than {QUARANTINE_HOURS} hours."


def _late_words(name: str, count: int) -> str:
    what = "incident" if count == 1 else "incidents"
    minutes = LATE_AFTER // timedelta(minutes=1)
    return f"{name}: {count:,} {what} took more than {minutes} minutes to become a ticket."
