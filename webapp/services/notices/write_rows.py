"""Writing rows of the outbox, in the transaction of what they tell of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.domain.notices.bundling import BUNDLE_WINDOW
from webapp.models import OutboxRow
from webapp.models.columns import NAME_LENGTH
from webapp.models.outbox import KEY_LENGTH, OutboxState
from webapp.services.notices.recipients import Recipient
from webapp.services.notices.wake import wake_after_commit
from webapp.services.transactions import NO_SYNC


@dataclass(slots=True, kw_only=True)
class NewRow:
    """A row to write; `key` names what is told, without the target."""

    key: str
    recipient: Recipient
    event: str
    facts: dict[str, Any]
    due_at: datetime
    ticket_id: int | None = None
    escalation_id: int | None = None
    is_urgent: bool = False
    bundle: str | None = None


def write_rows(session: Session, rows: Iterable[NewRow], now: datetime) -> None:
    """Write `rows`; one that is there already (the same key and target) is left as it is."""
    wanted = list(rows)
    if not wanted:
        return
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    dialect = sqlite if is_sqlite else postgresql
    statement = dialect.insert(OutboxRow.__table__).on_conflict_do_nothing(index_elements=["key"])
    session.execute(statement, [_values(row, now) for row in wanted])
    wake_after_commit(session, {row.recipient.target_id for row in wanted if row.due_at <= now})


def hurry_tried(
    session: Session, is_meant: ColumnElement[bool], now: datetime, *, at: datetime | None = None
) -> None:
    """Let messages with rows that fit, which were tried and wait, be tried again by `at`, or now.

    What a mute holds stays held.
    """
    by = at or now
    waits = (
        OutboxRow.state == OutboxState.PENDING,
        OutboxRow.attempts > 0,
        OutboxRow.due_at <= now,
        OutboxRow.next_try_at > by,
    )
    messages = select(OutboxRow.message_key).where(*waits, is_meant)
    concerned = (*waits, OutboxRow.message_key.in_(messages))
    lock_rows(session, *concerned)
    session.execute(
        update(OutboxRow).where(*concerned).values(next_try_at=by), execution_options=NO_SYNC
    )


def hurry_earlier(session: Session, rows: Iterable[NewRow], now: datetime) -> None:
    """Try again at once what was tried of the same tickets to the same targets.

    What is due of them now must not overtake it, and must not wait for hours either.
    """
    concerned = {
        (row.ticket_id, row.recipient.target_id)
        for row in rows
        if row.ticket_id is not None and row.due_at <= now + BUNDLE_WINDOW
    }
    if concerned:
        pairs = tuple_(OutboxRow.ticket_id, OutboxRow.target_id)
        hurry_tried(session, pairs.in_(concerned), now)


def lock_rows(session: Session, *conditions: ColumnElement[bool]) -> None:
    """Lock the rows that fit, in the order of their ids: two that change many cannot deadlock."""
    session.execute(
        select(OutboxRow.id).where(*conditions).order_by(OutboxRow.id).with_for_update()
    ).all()


def _values(row: NewRow, now: datetime) -> dict[str, Any]:
    return {
        "key": f"{row.key}:{row.recipient.target_id}"[:KEY_LENGTH],
        "target_id": row.recipient.target_id,
        "target_name": row.recipient.name[:NAME_LENGTH],
        "person_id": row.recipient.person_id,
        "event": row.event,
        "ticket_id": row.ticket_id,
        "escalation_id": row.escalation_id,
        "facts": row.facts,
        "is_urgent": row.is_urgent,
        "bundle": row.bundle,
        "created_at": now,
        "due_at": row.due_at,
        "state": OutboxState.PENDING,
        "attempts": 0,
        "next_try_at": row.due_at,
    }
