"""Writing rows of the outbox, in the transaction of what they tell of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import OutboxRow
from webapp.models.columns import NAME_LENGTH
from webapp.models.outbox import KEY_LENGTH, OutboxState
from webapp.services.notices.recipients import Recipient
from webapp.services.notices.wake import wake_after_commit


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
