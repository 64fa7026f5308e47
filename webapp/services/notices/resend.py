"""Sending again what failed, with the same key, so that a receiver can drop a repeat."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.events import EVENTS
from webapp.models import Escalation, OutboxRow
from webapp.models.outbox import OutboxState
from webapp.services.audit import record_event
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import LARGEST_ID
from webapp.services.notices.silence.untold import UNTOLD_KEY
from webapp.services.notices.wake import wake_after_commit
from webapp.services.transactions import NO_SYNC, transaction

_HAS_FAILED = (OutboxRow.state == OutboxState.FAILED, OutboxRow.target_id.is_not(None))
_IS_SETTLED = and_(
    OutboxRow.event.in_([event.type for event in EVENTS.values() if event.waits]),
    OutboxRow.escalation_id.in_(select(Escalation.id).where(Escalation.ended_at.is_not(None))),
)
"""Calls for tickets that were taken or closed since."""


def resend(row_ids: Collection[int], *, actor_id: int | None = None) -> int:
    """Let failed rows be sent again at once; returns how many rows that are.

    Rows that failed as one message go together. To a target that is paused they go once it is
    resumed. Raises NotFoundError for an unknown id. Raises RefusedError for a row that did not
    fail, and for one whose target is gone.
    """
    with transaction() as session:
        found = {row.id: row for row in session.scalars(_chosen(row_ids))}
        for key in row_ids:
            if key not in found:
                raise NotFoundError(f"There is no row {key} in the outbox.")
            _check(found[key])
        keys = {row.message_key for row in found.values()} - {None}
        is_meant = or_(OutboxRow.id.in_(found), OutboxRow.message_key.in_(keys))
        return _send_again(session, is_meant, actor_id)


def resend_failed(*, target_id: int | None = None, actor_id: int | None = None) -> int:
    """Let everything that failed be sent again, or what failed to one target; returns how many."""
    with transaction() as session:
        is_meant = OutboxRow.target_id == target_id if target_id else OutboxRow.id > 0
        return _send_again(session, is_meant, actor_id)


def _chosen(row_ids: Collection[int]) -> Select[OutboxRow]:
    ids = [key for key in row_ids if 0 < key <= LARGEST_ID]
    query = select(OutboxRow).where(OutboxRow.id.in_(ids))
    return query.with_for_update().execution_options(populate_existing=True)


def _check(row: OutboxRow) -> None:
    if row.state != OutboxState.FAILED:
        raise RefusedError(f"Row {row.id} has not failed: it is {row.state}.")
    if row.key.startswith(UNTOLD_KEY):
        raise RefusedError(f"Row {row.id} says that nobody was told: nothing was to be sent yet.")
    if row.target_id is None:
        raise RefusedError(f"{row.target_name} was deleted: nothing can be sent there.")


def _send_again(session: Session, is_meant: ColumnElement[bool], actor_id: int | None) -> int:
    now = clock.utcnow()
    session.execute(
        update(OutboxRow)
        .where(is_meant, *_HAS_FAILED, _IS_SETTLED)
        .values(
            state=OutboxState.DROPPED, answer="Not sent again: nobody has to take it any more."
        ),
        execution_options=NO_SYNC,
    )
    rows = session.execute(
        update(OutboxRow)
        .where(is_meant, *_HAS_FAILED)
        .values(state=OutboxState.PENDING, due_at=now, next_try_at=now, attempts=0)
        .returning(OutboxRow.id, OutboxRow.target_id),
        execution_options=NO_SYNC,
    ).all()
    if rows:
        wake_after_commit(session, {row.target_id for row in rows})
        record_event(
            session,
            action="outbox.resent",
            subject_type="outbox",
            after={"rows": len(rows)},
            actor_id=actor_id,
        )
    return len(rows)
