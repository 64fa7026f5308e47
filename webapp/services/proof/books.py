"""Reading what our books hold about incidents: alerts, their tickets, and the inbox."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.domain.proof import Booked, BookedAlert, Polled
from webapp.models import Alert, Connection, InboxRow, PollRun, Ticket
from webapp.models.poll_run import COMPLETED
from webapp.services.polling.sweep_incidents import LISTED_STATUSES


@dataclass(frozen=True, slots=True)
class Books:
    """What is known of some incidents, by key, as of one moment.

    `alert_ids` are the ids of their alerts and `ticket_ids` those of the tickets about them.
    """

    polled: Polled
    booked: dict[str, Booked] = field(default_factory=dict)
    alert_ids: dict[str, int] = field(default_factory=dict)
    ticket_ids: dict[str, int] = field(default_factory=dict)

    def of(self, key: str) -> Booked:
        """Return what is known of one incident."""
        return self.booked.get(key, Booked())


def read_books(session: Session, connection_id: int, keys: Collection[str]) -> Books:
    """Return what is known of the incidents `keys`, in the caller's transaction.

    What the polls must have seen is of the same moment: a poll writes what it saw into inbox or
    alerts before it ends.
    """
    alerts = _alerts(session, connection_id, keys)
    tickets = dict(
        session.execute(
            select(Ticket.source_reference, Ticket.id).where(
                Ticket.connection_id == connection_id, Ticket.source_reference.in_(keys)
            )
        ).all()
    )
    waiting = {
        row.external_key: row
        for row in session.execute(
            select(InboxRow.external_key, InboxRow.quarantined_at, InboxRow.dismissed_at).where(
                InboxRow.connection_id == connection_id, InboxRow.external_key.in_(keys)
            )
        )
    }
    return Books(
        polled=read_seen(session, connection_id),
        booked={
            key: _booked(alerts.get(key), key in tickets, waiting.get(key))
            for key in {*alerts, *tickets, *waiting}
            if key is not None
        },
        alert_ids={key: alert_id for key, (alert_id, _) in alerts.items()},
        ticket_ids={key: ticket_id for key, ticket_id in tickets.items() if key is not None},
    )


def read_seen(session: Session, connection_id: int) -> Polled:
    """Return what the connection's polls must have seen, by Huntress's clock."""
    until = session.scalar(
        select(func.max(PollRun.started_at)).where(
            PollRun.connection_id == connection_id, PollRun.state == COMPLETED
        )
    )
    row = session.execute(
        select(
            Connection.horizon, Connection.last_sweep_at, Connection.huntress_skew_seconds
        ).where(Connection.id == connection_id)
    ).one()
    ahead = timedelta(seconds=row.huntress_skew_seconds or 0)
    return Polled(
        until=None if until is None else until - ahead,
        horizon=row.horizon,
        has_swept=row.last_sweep_at is not None,
        swept_statuses=LISTED_STATUSES,
    )


def _alerts(
    session: Session, connection_id: int, keys: Collection[str]
) -> dict[str, tuple[int, BookedAlert]]:
    columns = (
        Alert.id,
        Alert.external_alert_id,
        Alert.parsed_status,
        Alert.parsed_severity,
        Alert.reason,
        Alert.processed_at,
        Alert.is_incomplete,
        Alert.ticket_id,
        Ticket.id.label("found_id"),
        Ticket.connection_id.label("ticket_connection_id"),
        Ticket.source_reference,
    )
    found = session.execute(
        select(*columns)
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(Alert.connection_id == connection_id, Alert.external_alert_id.in_(keys))
    )
    return {row.external_alert_id: (row.id, _booked_alert(row, connection_id)) for row in found}


def _booked_alert(row: Any, connection_id: int) -> BookedAlert:
    is_its_own = (
        row.ticket_connection_id == connection_id and row.source_reference == row.external_alert_id
    )
    return BookedAlert(
        status=row.parsed_status,
        severity=row.parsed_severity,
        reason=row.reason,
        processed_at=row.processed_at,
        is_incomplete=row.is_incomplete,
        has_ticket=row.ticket_id is not None,
        is_ticket_there=row.found_id is not None,
        is_ticket_its_own=is_its_own,
    )


def _booked(alert: tuple[int, BookedAlert] | None, has_ticket: bool, inbox: Any) -> Booked:
    is_dismissed = inbox is not None and inbox.dismissed_at is not None
    is_quarantined = inbox is not None and not is_dismissed and inbox.quarantined_at is not None
    return Booked(
        alert=None if alert is None else alert[1],
        has_ticket=has_ticket,
        is_waiting=inbox is not None and not is_dismissed and not is_quarantined,
        is_quarantined=is_quarantined,
        is_dismissed=is_dismissed,
    )
