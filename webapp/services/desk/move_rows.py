"""Moving rows that people order (priorities, policies, runbooks …), one place at a time."""

import re
from typing import TypeVar

from sqlalchemy import select

from webapp.models import CannedNote, Policy, Priority, Runbook, Status
from webapp.services.audit import record_event
from webapp.services.errors import NotFoundError
from webapp.services.transactions import transaction

Ordered = TypeVar("Ordered", CannedNote, Policy, Priority, Runbook, Status)


def move_row(
    model: type[Ordered], row_id: int, *, is_up: bool, actor_id: int | None = None
) -> bool:
    """Move a row one place up or down; returns False if it is at that end already.

    All positions are numbered anew from 1, so gaps and equal positions do not matter. Raises
    NotFoundError.
    """
    kind = re.sub(r"\B(?=[A-Z])", "_", model.__name__).lower()
    with transaction() as session:
        # This lock lets tickets begin to point to a row, so saving a ticket need not wait.
        by_id = select(model).order_by(model.id).with_for_update(key_share=True)
        locked = session.scalars(by_id.execution_options(populate_existing=True))
        rows = sorted(locked, key=lambda row: (row.position, row.id))
        place = next((place for place, row in enumerate(rows) if row.id == row_id), None)
        if place is None:
            raise NotFoundError(f"There is no {kind.replace('_', ' ')} {row_id}.")
        other = place - 1 if is_up else place + 1
        if not 0 <= other < len(rows):
            return False
        before = [row.name for row in rows]
        rows[place], rows[other] = rows[other], rows[place]
        for position, row in enumerate(rows, 1):
            row.position = position
        record_event(
            session,
            action=f"{kind}.moved",
            subject_type=kind,
            subject_id=row_id,
            before={"order": before},
            after={"order": [row.name for row in rows]},
            actor_id=actor_id,
        )
        return True
