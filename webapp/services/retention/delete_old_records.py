"""Deleting what is kept no longer: what has expired, and what is older than people chose."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from webapp.domain.retention.kinds import RetentionKind, cutoff
from webapp.models import Alert, AuditEvent, Ticket
from webapp.services.audit import record_event
from webapp.services.audit_trail.prune_events import count_prunable, prune_events
from webapp.services.retention.ages import Ages, read_ages
from webapp.services.retention.batches import delete_where, work_through
from webapp.services.retention.drop_tickets import (
    NO_REPORT,
    TICKETS_AT_ONCE,
    drop_tickets,
    hold_polls,
    part_alerts,
)
from webapp.services.retention.old_records import (
    find_expired_rows,
    find_old_rows,
    is_old_report,
    is_old_ticket,
)
from webapp.services.transactions import NO_SYNC, reading, transaction

REPORTS_AT_ONCE = 200


def delete_old_records(now: datetime, *, actor_id: int | None = None) -> dict[str, int]:
    """Delete what is too old at `now` (UTC); return how many rows of which table.

    A raw report is emptied, and its alert stays. Each transaction is short, so that others can
    write in between, and a run that is interrupted is continued by the next one. What was deleted
    because of its age is one audit event, also where the run ends in an error.
    """
    counts = {
        rows.table: delete_where(rows.model, *rows.conditions) for rows in find_expired_rows(now)
    }
    with reading() as session:
        ages = read_ages(session)
    aged: Counter[str] = Counter()
    try:
        for kind, days in ages.items():
            if days is not None:
                _delete_kind(kind, cutoff(days, now), now, aged)
    finally:
        _record(aged, ages, actor_id)
    return {**counts, **aged}


def _delete_kind(
    kind: RetentionKind, before: datetime, now: datetime, counts: Counter[str]
) -> None:
    if kind is RetentionKind.RAW_REPORTS:
        counts["raw_reports"] += _empty_reports(before)
    elif kind is RetentionKind.CLOSED_TICKETS:
        counts[Ticket.__tablename__] += _delete_tickets(before)
    elif kind is RetentionKind.AUDIT:
        counts[AuditEvent.__tablename__] += prune_events(before, now)
    for rows in find_old_rows(kind, before):
        counts[rows.table] += delete_where(rows.model, *rows.conditions)


def _empty_reports(before: datetime) -> int:
    conditions = is_old_report(before)

    def write(session: Session, ids: Sequence[int]) -> int:
        hold_polls(session)
        result = session.execute(
            update(Alert).where(Alert.id.in_(ids), *conditions).values(**NO_REPORT),
            execution_options=NO_SYNC,
        )
        return int(result.rowcount)  # type: ignore[attr-defined]

    return work_through(select(Alert.id).where(*conditions), Alert.id, write, REPORTS_AT_ONCE)


def _delete_tickets(before: datetime) -> int:
    conditions = is_old_ticket(before)

    def write(session: Session, ids: Sequence[int]) -> int:
        hold_polls(session)
        still = session.scalars(
            select(Ticket.id)
            .where(Ticket.id.in_(ids), *conditions)
            .order_by(Ticket.id)
            .with_for_update()
        ).all()
        part_alerts(session, still)
        return drop_tickets(session, still)

    return work_through(select(Ticket.id).where(*conditions), Ticket.id, write, TICKETS_AT_ONCE)


def count_old_records(kind: RetentionKind, before: datetime) -> int:
    """Return how many records of a kind a run at this moment would delete."""
    if kind is RetentionKind.AUDIT:
        return count_prunable(before)
    with reading() as session:
        return session.scalar(_count(kind, before)) or 0


def _count(kind: RetentionKind, before: datetime) -> Select[Any]:
    if kind is RetentionKind.RAW_REPORTS:
        return select(func.count(Alert.id)).where(*is_old_report(before))
    if kind is RetentionKind.CLOSED_TICKETS:
        return select(func.count(Ticket.id)).where(*is_old_ticket(before))
    rows = find_old_rows(kind, before)[0]
    return select(func.count(rows.model.id)).where(*rows.conditions)


def _record(counts: Counter[str], ages: Ages, actor_id: int | None) -> None:
    deleted = {table: count for table, count in counts.items() if count}
    if not deleted:
        return
    with transaction() as session:
        record_event(
            session,
            action="retention.applied",
            subject_type="retention",
            after={**deleted, "ages": {kind.value: days for kind, days in ages.items()}},
            actor_id=actor_id,
        )
