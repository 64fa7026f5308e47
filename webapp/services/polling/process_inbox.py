"""Processing the inbox in batches; after a failure reports are tried one by one.

A report that fails three times is quarantined; the other reports are processed all the same. Rows
are marked before they are touched, and attempts are counted before a report is tried alone, so that
a report that kills the process is quarantined too.
"""

import logging
import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.routing import retry_delay
from webapp.models import InboxRow
from webapp.services.polling.complete_reports import complete_reports
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.incident_batch import ENTRY_COLUMNS, InboxEntry, read_entry
from webapp.services.polling.quarantine_incident import (
    can_write_tickets,
    quarantine_incident,
)
from webapp.services.polling.write_incidents import UnusableReportError, write_incidents
from webapp.services.schedule.lease import LeaseLostError
from webapp.services.transactions import NO_SYNC, reading, transaction

ATTEMPTS_BEFORE_QUARANTINE = 3
LARGEST_BATCH = 100
FIRST_BATCH = 40
LOCK_SECONDS = 0.2
INTERRUPTED = "Processing this report was interrupted."

log = logging.getLogger(__name__)


class GlobalProcessingError(Exception):
    """No ticket can be written at all, so no report is to blame and no attempt is counted."""


def process_inbox(cycle: Cycle, only_key: str | None = None) -> None:
    """Process every row that is due, oldest first; rows that failed before come last.

    With `only_key` only the row of that incident is processed.

    A report that fails stays in the inbox with its error, its attempts and the time of its next
    try, and the others are processed. Raises LeaseLostError and GlobalProcessingError.
    """
    size, done = FIRST_BATCH, 0
    total: int | None = None
    tried: set[int] = set()
    while due := _due_entries(cycle, size, tried, only_key):
        entries = complete_reports(cycle, due, tried)
        total = total or _count_due(cycle)
        suspects = [entry for entry in entries if _is_suspect(cycle, entry)]
        clean = [entry for entry in entries if not _is_suspect(cycle, entry)]
        if clean:
            size = _process_batch(cycle, clean, size, tried)
        for entry in suspects:
            tried.add(entry.row_id)
            _process_singly(cycle, entry)
        cycle.lease.renew()
        done += len(entries)
        cycle.run.show("processing", done, max(done, total))


def take_back_attempts(session: Session, connection_id: int, token: str) -> None:
    """Undo the marks on the reports that the stopped run of `token` was processing.

    The attempt of a report that was being tried alone is not counted, and the report is due at
    once.
    """
    is_counted = and_(InboxRow.attempts > 0, InboxRow.error == INTERRUPTED)
    session.execute(
        update(InboxRow)
        .where(InboxRow.connection_id == connection_id, InboxRow.in_flight_token == token)
        .values(
            attempts=case((is_counted, InboxRow.attempts - 1), else_=InboxRow.attempts),
            next_try_at=case((is_counted, clock.utcnow()), else_=InboxRow.next_try_at),
            error=case((and_(is_counted, InboxRow.attempts == 1), None), else_=InboxRow.error),
            in_flight_token=None,
        ),
        execution_options=NO_SYNC,
    )


def _is_due_row(cycle: Cycle) -> ColumnElement[bool]:
    """Return SQL for rows that are due, or that have failed often enough to be quarantined."""
    return and_(
        InboxRow.connection_id == cycle.connection.id,
        InboxRow.dismissed_at.is_(None),
        or_(
            InboxRow.next_try_at <= clock.utcnow(),
            and_(
                InboxRow.attempts >= ATTEMPTS_BEFORE_QUARANTINE, InboxRow.quarantined_at.is_(None)
            ),
        ),
    )


def _count_due(cycle: Cycle) -> int:
    with reading() as session:
        query = select(func.count()).select_from(InboxRow).where(_is_due_row(cycle))
        return session.scalars(query).one()


def _due_entries(
    cycle: Cycle, size: int, tried: set[int], only_key: str | None
) -> list[InboxEntry]:
    """Return the next due rows that this cycle has not tried yet."""
    chosen = [] if only_key is None else [InboxRow.external_key == only_key]
    with reading() as session:
        rows = session.execute(
            select(*ENTRY_COLUMNS)
            .where(_is_due_row(cycle), InboxRow.id.not_in(tried), *chosen)
            .order_by(
                InboxRow.attempts,  # a report that kills the process must not hold up others
                InboxRow.sort_at,
                InboxRow.id,
            )
            .limit(size)
        ).all()
    return [read_entry(row) for row in rows]


def _is_suspect(cycle: Cycle, entry: InboxEntry) -> bool:
    """Whether the report must be tried alone.

    It failed before, or it was in flight when another run was interrupted.
    """
    return entry.attempts > 0 or entry.in_flight_token not in (None, cycle.lease.token)


def _process_batch(cycle: Cycle, entries: Sequence[InboxEntry], size: int, tried: set[int]) -> int:
    """Process `entries` together; return how many to take next time."""
    _mark_in_flight(cycle, entries)
    started = time.monotonic()
    try:
        _write(cycle, entries)
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - one report may have caused any error
        log.warning("a batch of %d incidents failed (%s)", len(entries), type(error).__name__)
        _ensure_desk_works(cycle, error, entries)
        for entry in entries:
            tried.add(entry.row_id)
            _process_singly(cycle, entry)
        return size
    return _next_size(size, time.monotonic() - started)


def _next_size(size: int, seconds: float) -> int:
    if seconds > LOCK_SECONDS:
        return max(5, int(size * LOCK_SECONDS / seconds / 2))
    return min(LARGEST_BATCH, size * 2) if seconds < LOCK_SECONDS / 2 else size


def _mark_in_flight(cycle: Cycle, entries: Sequence[InboxEntry]) -> None:
    """Mark the rows, so that the next run tries each of them alone if this process dies."""
    with transaction() as session:
        cycle.lease.fence(session)
        session.execute(
            update(InboxRow)
            .where(InboxRow.id.in_([entry.row_id for entry in entries]))
            .values(in_flight_token=cycle.lease.token),
            execution_options=NO_SYNC,
        )


def _write(cycle: Cycle, entries: Sequence[InboxEntry]) -> None:
    with transaction() as session:
        cycle.lease.fence(session)
        result = write_incidents(session, cycle, entries)
    cycle.run.count(**result.counts)
    cycle.run.count_recorded(result.reasons)


def _process_singly(cycle: Cycle, entry: InboxEntry) -> None:
    if entry.attempts >= ATTEMPTS_BEFORE_QUARANTINE and entry.quarantined_at is None:
        _quarantine(cycle, entry)
        if not _is_due(entry):
            return
    attempts = entry.attempts + 1
    _count_attempt(cycle, entry, attempts)
    try:
        _write(cycle, [entry])
    except LeaseLostError:
        raise
    except Exception as error:  # noqa: BLE001 - the report fails, the others go on
        log.warning("incident %s failed (%s)", entry.key, type(error).__name__)
        _ensure_desk_works(cycle, error, [entry])
        _record_failure(cycle, entry, error, attempts)
        if attempts >= ATTEMPTS_BEFORE_QUARANTINE and entry.quarantined_at is None:
            _quarantine(cycle, entry)


def _quarantine(cycle: Cycle, entry: InboxEntry) -> None:
    """Quarantine the report; if that fails too, log it and leave it to the next cycle."""
    try:
        quarantine_incident(cycle, entry)
    except LeaseLostError:
        raise
    except Exception as error:
        log.exception("incident %s could not be quarantined", entry.key)
        _ensure_desk_works(cycle, error, [])


def _is_due(entry: InboxEntry) -> bool:
    """Whether a report that was just quarantined is tried in this cycle too.

    A report whose third try killed the process is not due; only a newer payload makes it due.
    """
    is_readable = entry.incident.id is not None
    return is_readable and entry.next_try_at is not None and entry.next_try_at <= clock.utcnow()


def _count_attempt(cycle: Cycle, entry: InboxEntry, attempts: int) -> None:
    """Count the attempt before the try, so that it counts even if the try kills the process.

    The report stays due for the next run. From the third try on, after which it is quarantined, it
    has to wait for its next try.
    """
    values: dict[str, object] = {}
    if attempts >= ATTEMPTS_BEFORE_QUARANTINE:
        values["next_try_at"] = clock.utcnow() + retry_delay(attempts)
    _update_row(
        cycle,
        entry,
        attempts=attempts,
        in_flight_token=cycle.lease.token,
        error=INTERRUPTED,
        **values,
    )


def _record_failure(cycle: Cycle, entry: InboxEntry, error: Exception, attempts: int) -> None:
    cycle.run.count(failed=1)
    is_readable = entry.incident.id is not None  # else only a person's "Retry" tries it again
    next_try_at = clock.utcnow() + retry_delay(attempts) if is_readable else None
    _update_row(
        cycle, entry, error=describe_failure(error), in_flight_token=None, next_try_at=next_try_at
    )


def _ensure_desk_works(cycle: Cycle, error: Exception, entries: Sequence[InboxEntry]) -> None:
    """Raise GlobalProcessingError when not even a trial ticket can be written.

    Before that, the attempt is taken back from the `entries` that were being processed.
    """
    trouble = can_write_tickets(cycle)
    if trouble is None:
        return
    try:
        for entry in entries:
            _update_row(
                cycle,
                entry,
                attempts=entry.attempts,
                next_try_at=entry.next_try_at,
                error=entry.error,
                in_flight_token=None,
            )
    except SQLAlchemyError:
        log.warning("attempts could not be taken back; the next poll does it")
    raise GlobalProcessingError(
        f"No ticket can be written at the moment ({type(trouble).__name__}); the reports wait in"
        " the inbox. Check the database and the disk; the log has the details."
    ) from error


def _update_row(cycle: Cycle, entry: InboxEntry, **values: object) -> None:
    with transaction() as session:
        cycle.lease.fence(session)
        session.execute(
            update(InboxRow).where(InboxRow.id == entry.row_id).values(**values),
            execution_options=NO_SYNC,
        )


def describe_failure(error: Exception) -> str:
    """Return what went wrong, in words for people.

    The error's kind in brackets helps to find it in the log.
    """
    if isinstance(error, UnusableReportError):
        return str(error)
    kind = type(error).__name__
    if isinstance(error, SQLAlchemyError):
        return f"The database refused it ({kind})."
    text = str(error)[:300] if isinstance(error, ValueError) else ""
    return f"Triagedesk failed on it ({': '.join(filter(None, [kind, text]))})."
