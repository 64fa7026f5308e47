"""Deleting records that are no longer needed, once their time to be kept has passed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import Session

from webapp.models import (
    Alarm,
    ApiExchange,
    BulkChange,
    ClientMute,
    CsvUpload,
    Drill,
    Escalation,
    OnCallOverride,
    OutboxRow,
    PasswordLink,
    PollRun,
    Proof,
    SetupToken,
    TakeLink,
    UserSession,
)
from webapp.models.outbox import OutboxState
from webapp.models.poll_run import RUNNING
from webapp.services.transactions import transaction

KEEP_EXCHANGES = timedelta(days=14)
KEEP_RUNS = timedelta(days=90)
KEEP_UPLOADS = timedelta(days=1)
KEEP_BULK_CHANGES = timedelta(days=7)
KEEP_OVERRIDES = timedelta(days=90)
BATCH = 1_000

KEEP_MESSAGES = timedelta(days=90)
KEEP_TAKE_LINKS = timedelta(days=30)
KEEP_ALARMS = timedelta(days=90)
KEEP_PROOFS = timedelta(days=365)
KEEP_DRILLS = timedelta(days=365)

Disposable = (
    Alarm
    | ApiExchange
    | BulkChange
    | ClientMute
    | CsvUpload
    | Drill
    | Escalation
    | OnCallOverride
    | OutboxRow
    | PasswordLink
    | PollRun
    | Proof
    | SetupToken
    | TakeLink
    | UserSession
)


def delete_old_records(now: datetime) -> dict[str, int]:
    """Delete records that are older than they are kept; returns the deleted rows by table.

    API exchanges are kept for 14 days, finished poll runs for 90 days, uploads for a day, the data
    to undo bulk changes for a week and on-call overrides for 90 days after their end. Sessions,
    setup tokens and password links are deleted when they have expired. Messages of the outbox,
    escalations that ended and mutes are kept for 90 days, links that take a ticket for 30 days
    after they have expired. Alarms are kept for 90 days after their end, proofs for a year, and so
    are drills, unless their ticket is still there.

    A connection's newest exchange stays, because the next call is numbered after it. Its newest run
    stays, because the status card shows it, and its newest proof, because that may be overdue. Each
    transaction is short, so that others can write between batches.
    """
    newest_slots = select(func.max(ApiExchange.id)).group_by(ApiExchange.connection_id)
    newest_runs = select(func.max(PollRun.id)).group_by(PollRun.connection_id)
    return {
        "api_exchanges": _delete_all(
            ApiExchange,
            ApiExchange.reserved_at < now - KEEP_EXCHANGES,
            ApiExchange.id.not_in(newest_slots),
        ),
        "poll_runs": _delete_all(
            PollRun,
            PollRun.started_at < now - KEEP_RUNS,
            PollRun.state != RUNNING,
            PollRun.id.not_in(newest_runs),
        ),
        "sessions": _delete_all(UserSession, UserSession.expires_at < now),
        "setup_tokens": _delete_all(SetupToken, SetupToken.expires_at < now),
        "password_links": _delete_all(PasswordLink, PasswordLink.expires_at < now),
        "csv_uploads": _delete_all(CsvUpload, CsvUpload.created_at < now - KEEP_UPLOADS),
        "bulk_changes": _delete_all(BulkChange, BulkChange.created_at < now - KEEP_BULK_CHANGES),
        "on_call_overrides": _delete_all(
            OnCallOverride, OnCallOverride.ends_at < now - KEEP_OVERRIDES
        ),
        **_delete_old_notices(now),
        **_delete_old_watching(now),
    }


def _delete_old_notices(now: datetime) -> dict[str, int]:
    """Delete what was told; what still waits to be sent stays, however old it is."""
    oldest = now - KEEP_MESSAGES
    return {
        "notification_outbox": _delete_all(
            OutboxRow, OutboxRow.created_at < oldest, OutboxRow.state != OutboxState.PENDING
        ),
        "escalations": _delete_all(Escalation, Escalation.ended_at < oldest),
        "take_links": _delete_all(TakeLink, TakeLink.expires_at < now - KEEP_TAKE_LINKS),
        "client_mutes": _delete_all(ClientMute, ClientMute.until < oldest),
    }


def _delete_old_watching(now: datetime) -> dict[str, int]:
    """Delete what watching found; a drill stays with its ticket, so that this counts nowhere."""
    newest_proofs = select(func.max(Proof.id)).group_by(Proof.connection_id)
    return {
        "alarms": _delete_all(Alarm, Alarm.ended_at < now - KEEP_ALARMS),
        "proofs": _delete_all(
            Proof, Proof.started_at < now - KEEP_PROOFS, Proof.id.not_in(newest_proofs)
        ),
        "drills": _delete_all(
            Drill, Drill.started_at < now - KEEP_DRILLS, Drill.ticket_id.is_(None)
        ),
    }


def refresh_statistics() -> None:
    """Let SQLite analyse a sample of each index; otherwise it takes every index for a good one.

    PostgreSQL does this by itself.
    """
    with transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA analysis_limit=1000"))
            session.execute(text("ANALYZE"))


def _delete_all(
    model: type[Disposable],
    *conditions: ColumnElement[bool],
) -> int:
    total = 0
    while True:
        with transaction() as session:
            deleted = _delete_batch(session, model, conditions)
        total += deleted
        if deleted < BATCH:
            return total


def _delete_batch(
    session: Session,
    model: type[Disposable],
    conditions: Sequence[ColumnElement[bool]],
) -> int:
    ids = list(session.scalars(select(model.id).where(*conditions).limit(BATCH)))
    if ids:
        session.execute(delete(model).where(model.id.in_(ids)))
    return len(ids)
