"""Putting something that concerns people into their bells."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import BellItem


def ring_bell(
    session: Session,
    kind: Bell,
    ticket_id: int,
    user_ids: Iterable[int],
    *,
    now: datetime,
    actor_id: int | None = None,
    comment_id: int | None = None,
) -> None:
    """Add an unread item to the bell of each person but `actor_id`, in the caller's transaction."""
    rows = [
        {
            "user_id": user_id,
            "ticket_id": ticket_id,
            "comment_id": comment_id,
            "actor_id": actor_id,
            "kind": kind.value,
            "created_at": now,
        }
        for user_id in sorted({*user_ids} - {actor_id})
    ]
    if rows:
        session.execute(insert(BellItem), rows)
