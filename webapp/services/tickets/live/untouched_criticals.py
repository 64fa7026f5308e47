"""The critical tickets that wait for a person: what an open page counts in its title."""

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    func,
    select,
    union,
)

from webapp.domain.incident import Severity
from webapp.models import Client, Connection, Priority, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.tickets.live.news_rows import at_most
from webapp.services.tickets.ticket_filters import UNTOUCHED

NEWEST_CRITICALS = 5
"""So many of each kind are named, for pages that call a person; all of them are counted."""


def critical_priorities() -> CompoundSelect[int]:
    """SQL for the ids of the priorities that mean "critical".

    Those are the first of all priorities, and those that routing gives to critical incidents.
    """
    first = select(Priority.id).where(
        Priority.position == select(func.min(Priority.position)).scalar_subquery()
    )
    routed = select(Connection.critical_priority_id).where(
        Connection.critical_priority_id.is_not(None)
    )
    return union(first, routed)


def is_critical() -> ColumnElement[bool]:
    """SQL for tickets of a critical priority, and those whose severity rose to critical since.

    Of untouched tickets these are all of critical incidents: only a person gives one another
    priority, which touches it.
    """
    return Ticket.priority_id.in_(critical_priorities()) | (
        Ticket.raised_severity == Severity.CRITICAL.value
    )


def _of_priority() -> Select[int]:
    return select(Ticket.id).where(*_waits(), Ticket.priority_id.in_(critical_priorities()))


def _raised() -> Select[int]:
    return select(Ticket.id).where(
        *_waits(),
        Ticket.raised_severity.is_not(None),  # as the index has it
        Ticket.raised_severity == Severity.CRITICAL.value,
    )


def _waits() -> tuple[ColumnElement[bool], ...]:
    return Ticket.closed_at.is_(None), UNTOUCHED, is_no_drill()


def tell_criticals() -> tuple[ScalarSelect[int], Select[int]]:
    """SQL for the number of open critical tickets that are untouched, without drills, as a value;
    and for the ids of the newest of them, joined to their clients.

    Two indexes answer it: few tickets are untouched, and few were raised. Where both are asked in
    one statement, the tickets are looked for once.
    """
    kinds = [_of_priority().cte("of_priority"), _raised().cte("raised")]
    every = union(*(select(kind.c.id) for kind in kinds)).subquery()
    count = select(func.count()).select_from(every).scalar_subquery()
    newest = [
        select(
            select(kind.c.id).order_by(kind.c.id.desc()).limit(at_most(NEWEST_CRITICALS)).subquery()
        )
        for kind in kinds
    ]
    named = (
        select(Ticket.id)
        .join(Client, Client.id == Ticket.client_id)
        .where(Ticket.id.in_(union(*newest)))
    )
    return count, named
