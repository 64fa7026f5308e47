"""What happened to tickets, read back from tickets, alerts, timelines and the audit log.

It is what a preview of policies runs on. A ticket's client and board are those that it has now;
its severity at a time is known from the notes about its changes.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.domain.notices.events import (
    CLOSED,
    CREATED,
    DUE_SOON,
    OVERDUE,
    QUARANTINED,
    REOPENED,
    SEVERITY_RAISED,
    UNTOUCHED,
)
from webapp.domain.notices.policy import Occasion
from webapp.domain.notices.preview import Happened, Settled, TicketHistory
from webapp.domain.triage.clocks import WARNS_BEFORE
from webapp.models import Alert, AuditEvent, Comment, Connection, PollRun, Status, Ticket
from webapp.models.poll_run import COMPLETED
from webapp.models.ticket import SOURCE_HUNTRESS

PREVIEW_DAYS = 30
TAKEN, SEVERITY = "taken", "severity"
_CHANGE = re.compile(r"Severity changed from (\S+) to (\S+)\.")


@dataclass(frozen=True, slots=True)
class _Trace:
    """Something that was found about a ticket: an event, TAKEN, or a change of SEVERITY."""

    at: datetime
    what: str
    before: str | None = None
    after: str | None = None


def read_history(session: Session, now: datetime) -> list[TicketHistory]:
    """Return what happened in the 30 days before `now` (UTC), without drills and muted tickets."""
    since = now - timedelta(days=PREVIEW_DAYS)
    first_polls = _first_polls(session, now)
    traces: dict[int, list[_Trace]] = defaultdict(list)
    for ticket_id, trace in (*_severity_changes(session, since), *_audited(session, since)):
        traces[ticket_id].append(trace)
    rows = session.execute(
        select(
            *(Ticket.id, Ticket.created_at, Ticket.closed_at, Ticket.first_touched_at),
            *(Ticket.touch_due_at, Ticket.close_due_at),
            *(Ticket.board_id, Ticket.client_id, Ticket.is_unmapped, Ticket.connection_id),
            *(Alert.severity, Alert.is_incomplete, Alert.triggered_at),
            Connection.polling_started_at,
            Alert.organization_external_id.label("organization"),
        )
        .outerjoin(
            Alert,
            and_(
                Alert.connection_id == Ticket.connection_id,
                Alert.external_alert_id == Ticket.source_reference,
            ),
        )
        .outerjoin(Connection, Connection.id == Ticket.connection_id)
        .where(
            Ticket.source == SOURCE_HUNTRESS,
            Ticket.is_drill.is_(False),
            Ticket.is_muted.is_(False),
            Ticket.updated_at >= since,
        )
        .order_by(Ticket.id)
    )
    return [_history(row, since, traces[row.id], first_polls) for row in rows]


def _history(
    row: Any, since: datetime, traces: Sequence[_Trace], first_polls: Mapping[int, datetime]
) -> TicketHistory:
    ended_at = first_polls.get(row.connection_id) if _is_older_than_polling(row) else None
    told = [one for one in traces if one.what not in (TAKEN, SEVERITY)]
    is_new = row.created_at >= since
    if is_new:
        told.append(_Trace(row.created_at, QUARANTINED if row.is_incomplete else CREATED))
    if row.closed_at is not None and row.closed_at >= since:
        told.append(_Trace(row.closed_at, CLOSED))
    reopened = {one.at for one in told if one.what == REOPENED}
    told += [
        _Trace(one.at, SEVERITY_RAISED)
        for one in traces
        if one.what == SEVERITY
        and Severity.of(one.after).rank > Severity.of(one.before).rank
        and one.at not in reopened
    ]
    told += [one for one in _due(row) if one.at >= since]
    settled = {Settled(one.at, is_closed=True) for one in told if one.what == CLOSED}
    settled |= {Settled(one.at) for one in traces if one.what == TAKEN}
    if row.first_touched_at is not None and row.first_touched_at >= since:
        settled.add(Settled(row.first_touched_at))
    return TicketHistory(
        ticket_id=row.id,
        origin=(row.connection_id, row.organization or f"client-{row.client_id}"),
        created_at=row.created_at,
        happened=[
            Happened(
                one.at,
                _occasion(row, one.what, _severity_at(row, traces, one.at)),
                ended_at if ended_at is not None and one.at <= ended_at else None,
            )
            for one in dict.fromkeys(told)
        ],
        settled=sorted(settled, key=lambda one: (one.at, one.is_closed)),
        waits_as=_occasion(row, UNTOUCHED, row.severity) if is_new else None,
    )


def _due(row: Any) -> Iterator[_Trace]:
    """When the ticket was due soon, and overdue, by the times that it has now."""
    for due_at, done_at in (
        (row.touch_due_at, row.first_touched_at),
        (row.close_due_at, row.closed_at),
    ):
        if due_at is None:
            continue
        for at, event in ((due_at - WARNS_BEFORE, DUE_SOON), (due_at, OVERDUE)):
            if done_at is None or done_at > at:
                yield _Trace(at, event)


def _is_older_than_polling(row: Any) -> bool:
    """Whether a first poll told of the ticket's incident in its summary."""
    started, sent_at = row.polling_started_at, row.triggered_at
    return started is None or sent_at is None or sent_at < started


def _occasion(row: Any, event: str, severity: str | None) -> Occasion:
    return Occasion(
        event=event,
        severity=severity,
        board_id=row.board_id,
        client_id=row.client_id,
        is_unmapped=row.is_unmapped,
    )


def _severity_at(row: Any, traces: Sequence[_Trace], at: datetime) -> str | None:
    later = [one for one in traces if one.what == SEVERITY and one.at > at]
    if later:
        return min(later, key=lambda one: one.at).before
    severity: str | None = row.severity
    return severity


def _first_polls(session: Session, now: datetime) -> dict[int, datetime]:
    """When the first poll of each connection ended; `now` where it goes on."""
    ended = session.execute(
        select(PollRun.connection_id, func.min(PollRun.finished_at))
        .where(PollRun.state == COMPLETED)
        .group_by(PollRun.connection_id)
    )
    known = {connection_id: at for connection_id, at in ended if at is not None}
    waiting = session.scalars(select(Connection.id).where(Connection.last_success_at.is_(None)))
    return {**known, **dict.fromkeys(waiting, now)}


def _severity_changes(session: Session, since: datetime) -> Iterator[tuple[int, _Trace]]:
    rows = session.execute(
        select(Comment.ticket_id, Comment.created_at, Comment.body)
        .join(Ticket, Ticket.id == Comment.ticket_id)
        .where(
            Ticket.updated_at >= since,
            Comment.created_at >= since,
            Comment.author_id.is_(None),
            Comment.body.contains("Severity changed from "),
        )
    )
    for row in rows:
        if found := _CHANGE.search(row.body):
            yield row.ticket_id, _Trace(row.created_at, SEVERITY, found[1], found[2])


def _audited(session: Session, since: datetime) -> Iterator[tuple[int, _Trace]]:
    """Closings and reopenings, and whatever else a person did to a ticket."""
    statuses = session.execute(select(Status.name, Status.is_closed)).all()
    closed = {name for name, is_closed in statuses if is_closed}
    events = session.execute(
        select(
            *(AuditEvent.subject_id, AuditEvent.happened_at, AuditEvent.actor_id),
            *(AuditEvent.before, AuditEvent.after),
        ).where(AuditEvent.happened_at >= since, AuditEvent.subject_type == "ticket")
    )
    for row in events:
        if row.subject_id is None or not row.subject_id.isdecimal():
            continue
        before, after = ((row.before or {}).get("status"), (row.after or {}).get("status"))
        if after is not None and (before in closed) != (after in closed):
            what = CLOSED if after in closed else REOPENED
            yield int(row.subject_id), _Trace(row.happened_at, what)
        elif row.actor_id is not None:
            yield int(row.subject_id), _Trace(row.happened_at, TAKEN)
