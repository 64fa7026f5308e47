"""Which rows are old enough to be deleted, table by table; the preview counts the same rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select

from webapp.domain.retention.kinds import RetentionKind
from webapp.models import (
    Alarm,
    Alert,
    ApiExchange,
    BellItem,
    BulkChange,
    ClientMute,
    CsvUpload,
    Device,
    Drill,
    Escalation,
    OnCallOverride,
    OutboxRow,
    PasswordLink,
    PendingSignIn,
    PollRun,
    Proof,
    SecurityNote,
    SetupToken,
    SignInThrottle,
    TakeLink,
    Ticket,
    UserSession,
)
from webapp.models.outbox import OutboxState
from webapp.models.poll_run import RUNNING
from webapp.services.people.throttle import KEPT_FOR

KEEP_UPLOADS = timedelta(days=1)
KEEP_BULK_CHANGES = timedelta(days=7)
KEEP_TAKE_LINKS = timedelta(days=30)
KEEP_DEVICES = timedelta(days=365)
KEEP_SECURITY_NOTES = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class OldRows:
    """The rows of a table that are deleted; the first table of a kind is what the kind counts."""

    model: type[Any]
    conditions: tuple[ColumnElement[bool], ...]

    @property
    def table(self) -> str:
        """The name of the table."""
        return str(self.model.__tablename__)


def find_old_rows(kind: RetentionKind, before: datetime) -> list[OldRows]:
    """Return what a kind consists of, as far as it is older than `before` (UTC).

    Raw reports, closed tickets and audit events are not whole rows that are simply deleted; what
    is old of them is told by `is_old_report` and `is_old_ticket`.
    """
    return [OldRows(row[0], row[1:]) for row in _rows(kind, before)]


def _rows(kind: RetentionKind, before: datetime) -> Iterator[tuple[Any, ...]]:
    match kind:
        case RetentionKind.EXCHANGES:  # the next call is numbered after the newest one
            yield ApiExchange, ApiExchange.reserved_at < before, _not_newest(ApiExchange)
        case RetentionKind.RUNS:  # the status card shows the newest one
            is_over = PollRun.state != RUNNING
            yield PollRun, PollRun.started_at < before, is_over, _not_newest(PollRun)
        case RetentionKind.OUTBOX:
            is_done = OutboxRow.state != OutboxState.PENDING
            yield OutboxRow, OutboxRow.created_at < before, is_done
            yield Escalation, Escalation.ended_at < before
            yield ClientMute, ClientMute.until < before
        case RetentionKind.ALARMS:
            yield Alarm, Alarm.ended_at < before
        case RetentionKind.PROOFS:  # the newest one may be overdue
            yield Proof, Proof.started_at < before, _not_newest(Proof)
        case RetentionKind.DRILLS:  # one with a ticket has to say that the ticket counts nowhere
            yield Drill, Drill.started_at < before, Drill.ticket_id.is_(None)
        case RetentionKind.OVERRIDES:
            yield OnCallOverride, OnCallOverride.ends_at < before
        case RetentionKind.BELL:
            yield BellItem, BellItem.created_at < before
        case _:
            return


def find_expired_rows(now: datetime) -> list[OldRows]:
    """Return what expires by itself, whatever ages people chose."""
    return [
        OldRows(UserSession, (UserSession.expires_at < now,)),
        OldRows(SetupToken, (SetupToken.expires_at < now,)),
        OldRows(PasswordLink, (PasswordLink.expires_at < now,)),
        OldRows(PendingSignIn, (PendingSignIn.expires_at < now,)),
        OldRows(SignInThrottle, (SignInThrottle.last_at < now - KEPT_FOR,)),
        OldRows(Device, (Device.last_seen_at < now - KEEP_DEVICES,)),
        OldRows(SecurityNote, (SecurityNote.seen_at < now - KEEP_SECURITY_NOTES,)),
        OldRows(CsvUpload, (CsvUpload.created_at < now - KEEP_UPLOADS,)),
        OldRows(BulkChange, (BulkChange.created_at < now - KEEP_BULK_CHANGES,)),
        OldRows(TakeLink, (TakeLink.expires_at < now - KEEP_TAKE_LINKS,)),
    ]


def is_old_report(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL for alerts whose report goes: last read before `before`, and no ticket of it is open."""
    open_ticket = exists().where(Ticket.id == Alert.ticket_id, Ticket.closed_at.is_(None))
    return Alert.raw_report.is_not(None), Alert.observed_at < before, ~open_ticket


def is_old_ticket(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL for tickets that were closed, and last changed, before `before`."""
    return Ticket.closed_at < before, Ticket.updated_at < before


def _not_newest(model: type[Any]) -> ColumnElement[bool]:
    newest = select(func.max(model.id)).group_by(model.connection_id)
    condition: ColumnElement[bool] = model.id.not_in(newest)
    return condition
