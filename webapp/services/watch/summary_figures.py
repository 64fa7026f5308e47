"""The figures of a summary, read from the database; drills count nowhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from webapp.domain.notices.summary import (
    MOST_NAMED,
    Period,
    PollGap,
    ProofResult,
    SummaryFigures,
    UntouchedTicket,
    find_gaps,
)
from webapp.models import (
    Alert,
    AuditEvent,
    Client,
    Connection,
    Escalation,
    InboxRow,
    PollRun,
    Proof,
    Ticket,
    User,
)
from webapp.models.poll_run import COMPLETED
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.models.watch import is_no_drill_report

PROVEN = ("ticketed", "excluded", "closed", "recorded", "quarantined", "unexplained")
_WORDS = {"ticketed": "tickets", "closed": "closed when first seen", "quarantined": "in quarantine"}
_COUNTS: tuple[ColumnElement[bool], ...] = (
    Ticket.source == SOURCE_HUNTRESS,
    Ticket.is_drill.is_(False),
)
_ITS_ALERT = and_(
    Alert.connection_id == Ticket.connection_id,
    Alert.external_alert_id == Ticket.source_reference,
)


def read_summary_figures(session: Session, period: Period) -> SummaryFigures:
    """Return the figures of a period; what waits is what waits now."""
    created = session.execute(
        select(Alert.severity, Client.name.label("client"), Ticket.is_muted)
        .select_from(Ticket)
        .join(Client, Client.id == Ticket.client_id)
        .outerjoin(Alert, _ITS_ALERT)
        .where(*_COUNTS, Ticket.created_at >= period.begins, Ticket.created_at < period.ends)
    ).all()
    touched = session.execute(
        select(Ticket.created_at, Ticket.first_touched_at, User.name)
        .outerjoin(User, User.id == Ticket.assignee_id)
        .where(
            *_COUNTS,
            Ticket.first_touched_at >= period.begins,
            Ticket.first_touched_at < period.ends,
        )
    ).all()
    minutes = [
        (row.first_touched_at - row.created_at) / timedelta(minutes=1)
        for row in touched
        if row.first_touched_at is not None
    ]
    return SummaryFigures(
        by_severity=dict(Counter((row.severity or "unknown").lower() for row in created)),
        by_client=dict(Counter(row.client for row in created)),
        muted=sum(row.is_muted for row in created),
        minutes_to_touch=median(minutes) if minutes else None,
        touched=len(touched),
        untouched_count=session.scalar(select(func.count()).where(*_UNTOUCHED)) or 0,
        untouched=_untouched(session),
        overdue=_overdue(session),
        quarantined=_quarantined(session),
        taken=dict(Counter(row.name for row in touched)),
        gaps=list(_gaps(session, period)),
        proofs=_proofs(session, period),
    )


_UNTOUCHED: tuple[ColumnElement[bool], ...] = (
    *_COUNTS,
    Ticket.closed_at.is_(None),
    Ticket.untouched_since.is_not(None),
)


def _untouched(session: Session) -> list[UntouchedTicket]:
    rows = session.execute(
        select(Ticket.number, Ticket.title, Client.name, Alert.severity, Ticket.created_at)
        .join(Client, Client.id == Ticket.client_id)
        .outerjoin(Alert, _ITS_ALERT)
        .where(*_UNTOUCHED)
        .order_by(Ticket.created_at, Ticket.id)
        .limit(MOST_NAMED)
    )
    return [UntouchedTicket(*row) for row in rows]


def _overdue(session: Session) -> list[str]:
    """Untouched tickets of which every step was told."""
    return list(
        session.scalars(
            select(Ticket.number)
            .join(Escalation, Escalation.ticket_id == Ticket.id)
            .where(*_UNTOUCHED, Escalation.ended_at.is_(None), Escalation.due_at.is_(None))
            .group_by(Ticket.id, Ticket.number)
            .order_by(Ticket.id)
            .limit(MOST_NAMED)
        )
    )


def _quarantined(session: Session) -> int:
    waiting = (InboxRow.quarantined_at.is_not(None), InboxRow.dismissed_at.is_(None))
    counted = select(func.count()).where(*waiting, is_no_drill_report())
    return session.scalar(counted) or 0


def _gaps(session: Session, period: Period) -> Iterator[PollGap]:
    polled = session.scalars(
        select(Connection)
        .where(
            Connection.polling_started_at < period.ends,
            Connection.disconnected_at.is_(None),
        )
        .order_by(Connection.id)
    ).all()
    for one in polled:
        begins = max(period.begins, one.polling_started_at or period.begins)
        successes: Sequence[Any] = session.scalars(
            select(PollRun.finished_at).where(
                PollRun.connection_id == one.id,
                PollRun.state == COMPLETED,
                PollRun.started_at >= begins - timedelta(days=1),
                PollRun.finished_at.is_not(None),
            )
        ).all()
        interval = timedelta(minutes=one.poll_interval_minutes)
        for first, last in find_gaps(successes, begins, period.ends, interval):
            yield PollGap(one.name, first, last, _was_paused(session, one, first, last))


def _was_paused(session: Session, one: Connection, begins: Any, ends: Any) -> bool:
    if one.paused_at is not None and one.paused_at < ends:
        return True
    found = session.scalar(
        select(func.count()).where(
            AuditEvent.subject_type == "connection",
            AuditEvent.subject_id == str(one.id),
            AuditEvent.action.in_(("polling.paused", "polling.resumed")),
            AuditEvent.happened_at >= begins,
            AuditEvent.happened_at <= ends,
        )
    )
    return bool(found)


def _proofs(session: Session, period: Period) -> list[ProofResult]:
    """The last proof of each connection that ended within the period."""
    rows = session.execute(
        select(Proof, Connection.name)
        .join(Connection, Connection.id == Proof.connection_id)
        .where(Proof.finished_at >= period.begins, Proof.finished_at <= period.ends)
        .order_by(Proof.connection_id, Proof.started_at)
    )
    last = {proof.connection_id: (proof, name) for proof, name in rows}
    return [
        ProofResult(
            name,
            proof.listed,
            {_WORDS.get(one, one): getattr(proof, one) for one in PROVEN if _is_told(proof, one)},
            proof.error,
        )
        for proof, name in last.values()
    ]


def _is_told(proof: Proof, name: str) -> bool:
    return bool(getattr(proof, name)) or name in ("ticketed", "unexplained")
