"""Pauses that come to their end by themselves."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.models import Connection
from webapp.services.audit import record_event
from webapp.services.transactions import NO_SYNC, reading, transaction

NO_PAUSE = {"paused_at": None, "paused_by_id": None, "pause_reason": None, "paused_until": None}
"""The columns of a connection that is not paused."""


def end_pauses(now: datetime) -> list[int]:
    """End the pauses whose end has come by `now`; return the ids of the connections."""
    ended = select(Connection.id).where(Connection.paused_until <= now)
    with reading() as session:
        ids = list(session.scalars(ended))
    if not ids:
        return []
    with transaction() as session:
        return [key for key in ids if end_pause(session, key, now)]


def end_pause(session: Session, connection_id: int, now: datetime) -> bool:
    """End the pause of a connection if its end has come by `now`; whether this did it.

    The audit event names nobody, because the system ends it.
    """
    ended = session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.paused_until <= now)
        .values(NO_PAUSE),
        execution_options=NO_SYNC,
    )
    if ended.rowcount == 0:  # type: ignore[attr-defined]
        return False
    record_event(
        session,
        action="polling.resumed",
        subject_type="connection",
        subject_id=connection_id,
        after={"reason": "The pause is over."},
    )
    return True
