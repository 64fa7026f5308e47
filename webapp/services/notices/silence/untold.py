"""What could not be told because telling itself failed: it is logged, on record, and tried again.

Its ticket is kept whatever happens here. The record is a failed row of the outbox without a target,
of which the watcher makes an alarm until the event was told after all, or a day has passed.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from webapp.domain.notices.events import EVENTS
from webapp.models import Escalation, OutboxRow, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.transactions import DATABASE_AWAY, NO_SYNC

TRIED_AGAIN_AFTER = timedelta(minutes=10)
UNTOLD_KEY = "untold:"
"""The keys of the records begin with it."""

TO_NOBODY = "nobody"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Untold:
    """An event (of EVENTS) of a ticket that was not told, and the escalation that tries again."""

    event: str
    ticket_id: int
    escalation_id: int | None = None


@dataclass(slots=True)
class Attempt:
    """How a block went; `error` is what it failed with."""

    error: Exception | None = None


@contextmanager
def attempted(session: Session, what: str) -> Iterator[Attempt]:
    """Run a block in a savepoint: a fault in it is logged, and undoes nothing but the block.

    Raises only what says that the database is away.
    """
    attempt = Attempt()
    try:
        with session.begin_nested():
            yield attempt
    except DATABASE_AWAY:
        raise
    except Exception as error:
        log.exception("%s failed", what)
        attempt.error = error


def try_again_later(
    session: Session, untold: Sequence[tuple[str, int, str | None]], now: datetime
) -> list[Untold]:
    """Begin escalations that tell the events (event, ticket, previous severity) in ten minutes.

    Which policy they fall to is decided then.
    """
    if not untold:
        return []
    ids = session.scalars(
        insert(Escalation).returning(Escalation.id, sort_by_parameter_order=True),
        [
            {
                "ticket_id": ticket_id,
                "event": event,
                "previous_severity": severity,
                "began_at": now,
                "step": 0,
                "due_at": now + TRIED_AGAIN_AFTER,
            }
            for event, ticket_id, severity in untold
        ],
    ).all()
    return [Untold(one[0], one[1], key) for one, key in zip(untold, ids, strict=True)]


def note_untold(
    session: Session, untold: Collection[Untold], error: Exception, now: datetime
) -> None:
    """Put on record that events were not told because of `error`."""
    titles = dict(
        session.execute(
            select(Ticket.id, Ticket.title).where(Ticket.id.in_({one.ticket_id for one in untold}))
        ).all()
    )
    rows = [
        {
            "key": f"{UNTOLD_KEY}{one.event}:{one.ticket_id}:{now.timestamp():.6f}",
            "target_name": TO_NOBODY,
            "event": EVENTS[one.event].type,
            "ticket_id": one.ticket_id,
            "escalation_id": one.escalation_id,
            "facts": {"title": titles[one.ticket_id]},
            "created_at": now,
            "due_at": now,
            "state": OutboxState.FAILED,
            "next_try_at": now,
            "answer": f"Telling failed ({type(error).__name__}): the log says more.",
        }
        for one in dict.fromkeys(untold)
        if one.ticket_id in titles
    ]
    if rows:
        session.execute(insert(OutboxRow), rows)


def find_untold(session: Session, escalation_ids: Collection[int]) -> set[int | None]:
    """Return those of the escalations of which something is on record here."""
    return set(
        session.scalars(
            select(OutboxRow.escalation_id).where(
                OutboxRow.escalation_id.in_(escalation_ids), *_IS_ON_RECORD
            )
        )
    )


def note_told(session: Session, escalation_id: int) -> None:
    """Note that the next try of an escalation succeeded."""
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.escalation_id == escalation_id, *_IS_ON_RECORD)
        .values(state=OutboxState.DROPPED, answer="It was told at a later try."),
        execution_options=NO_SYNC,
    )


_IS_ON_RECORD = (OutboxRow.state == OutboxState.FAILED, OutboxRow.key.startswith(UNTOLD_KEY))
