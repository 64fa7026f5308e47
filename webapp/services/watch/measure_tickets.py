"""Metrics of tickets, and of the time from an incident to its ticket; drills never count."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.domain.watch.percentiles import percentiles_of
from webapp.models import Alert, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.tickets.list_tickets import UNTOUCHED, in_triage
from webapp.services.watch.find_in_reports import LOOKS_BACK
from webapp.services.watch.measured import Measured

DAY = timedelta(days=1)
MOST_LAGS = 20_000


def measure_tickets(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Measured]:
    """Yield the metrics of tickets at `now` (UTC)."""
    is_open = Ticket.closed_at.is_(None)
    opened, untouched, unassigned, triage = session.execute(
        select(
            func.count(),
            func.count().filter(UNTOUCHED),
            func.count().filter(Ticket.assignee_id.is_(None)),
            func.count().filter(in_triage()),
        ).where(is_open, is_no_drill())
    ).one()
    closed = session.scalar(select(func.count()).select_from(Ticket).where(~is_open)) or 0
    closed_drills = session.scalar(
        select(func.count()).select_from(Ticket).where(~is_open, ~is_no_drill())
    )
    yield Measured(
        "tickets",
        "Tickets by state.",
        ("state",),
        [(("open",), opened), (("closed",), closed - (closed_drills or 0))],
    )
    yield Measured(
        "tickets_untouched", "Open tickets that nobody has worked on.", (), [((), untouched)]
    )
    yield Measured(
        "tickets_unassigned", "Open tickets without an assignee.", (), [((), unassigned)]
    )
    yield Measured("tickets_in_triage", "Open tickets in the triage queue.", (), [((), triage)])
    yield from _lag(session, connections, now)


def _lag(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Measured]:
    """From Huntress's sending an incident to its ticket here; what was sent earlier is left out."""
    began = {one.id: one.facts.started_at for one in connections}
    rows = session.execute(
        select(Alert.connection_id, Alert.triggered_at, Alert.created_at)
        .where(
            Alert.triggered_at > now - LOOKS_BACK,
            Alert.created_at > now - DAY,
            Alert.ticket_id.is_not(None),
            Alert.is_drill.is_(False),
        )
        .order_by(Alert.triggered_at.desc())
        .limit(MOST_LAGS)
    )
    seconds = []
    for key, sent_at, recorded_at in rows:
        started_at = began.get(key)
        if started_at is not None and sent_at is not None and sent_at >= started_at:
            seconds.append(max(0.0, (recorded_at - sent_at).total_seconds()))
    yield Measured(
        "incident_lag_seconds",
        "Percentiles of the time from an incident to its ticket, of the last 24 hours.",
        ("percentile",),
        [((name,), value) for name, value in percentiles_of(seconds).items()],
    )
    yield Measured(
        "incidents_ticketed",
        "Incidents that became tickets in the last 24 hours.",
        (),
        [((), len(seconds))],
    )
