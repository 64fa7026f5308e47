"""The one place that writes when tickets are due.

Tickets that are loaded as objects get their times as they are written (ticket_state listens for
it), so that no change of priority, touch, closing or waiting can forget them. Tickets that are
inserted in bulk get them with their other values.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from webapp.domain.triage.clocks import ClockFacts, ClockTarget, DueTimes, clock_start, due_times
from webapp.models import Connection, Ticket
from webapp.services.desk.response_times.clock_rules import ClockRules, read_clock_rules

_MOVES_CLOCKS = (
    *("priority_id", "priority", "reported_at", "first_touched_at", "untouched_since"),
    *("closed_at", "reopened_at", "waiting_until"),
)
"""The attributes that clocks go by."""


def keep_clocks(session: Session) -> None:
    """Set the times of the tickets that `session` is about to write, where they may differ."""
    moved = [one for one in (*session.new, *session.dirty) if _has_moved(one)]
    if not moved:
        return
    rules = read_clock_rules(session)
    if rules.are_off:  # what was due before the targets were removed is cleared
        moved = [one for one in moved if one.touch_due_at or one.close_due_at or one.due_at]
    set_clocks(session, moved, rules)


def set_clocks(
    session: Session,
    tickets: Collection[Ticket],
    rules: ClockRules,
    *,
    silent_before: datetime | None = None,
) -> None:
    """Set when these loaded tickets are due, by `rules`.

    Of a new time, people are told once it comes; of one before `silent_before` they are not.
    """
    if not tickets:
        return
    started = _polling_started(session, {one.connection_id for one in tickets if not rules.are_off})
    for ticket in tickets:
        start = clock_start(
            ticket.reported_at or ticket.created_at,
            ticket.created_at,
            started.get(ticket.connection_id),
        )
        due = due_times(_facts(ticket, start), _target(rules, ticket), rules.opening)
        _write(ticket, due, silent_before)


def with_clocks(
    session: Session, rows: list[dict[str, Any]], polling_started_at: datetime | None
) -> list[dict[str, Any]]:
    """Return `rows` of new tickets of one connection with their times, to be inserted in bulk."""
    rules = read_clock_rules(session)
    if rules.are_off:
        return rows
    return [{**row, **_values_of_new(row, rules, polling_started_at)} for row in rows]


def _values_of_new(
    row: Mapping[str, Any], rules: ClockRules, polling_started_at: datetime | None
) -> dict[str, datetime | None]:
    created_at = row["created_at"]
    start = clock_start(row.get("reported_at") or created_at, created_at, polling_started_at)
    touched_at = row.get("first_touched_at")
    facts = ClockFacts(
        started_at=start,
        first_touched_at=touched_at,
        untouched_since=created_at if touched_at is None else None,
    )
    due = due_times(facts, rules.targets.get(row["priority_id"]), rules.opening)
    return {
        "touch_due_at": due.touch_due_at,
        "close_due_at": due.close_due_at,
        "due_at": due.due_at,
        "clock_tells_at": due.warns_at,
    }


def _has_moved(one: object) -> bool:
    if not isinstance(one, Ticket):
        return False
    state = inspect(one)
    return not state.has_identity or any(
        state.attrs[name].history.has_changes() for name in _MOVES_CLOCKS if name in state.dict
    )


def _facts(ticket: Ticket, start: datetime) -> ClockFacts:
    """What the clocks of a ticket go by; the defaults of a new one are not set before its flush."""
    is_new = not inspect(ticket).has_identity
    untouched_since = ticket.untouched_since
    if is_new and ticket.first_touched_at is None:
        untouched_since = untouched_since or ticket.created_at
    return ClockFacts(
        started_at=start,
        reopened_at=ticket.reopened_at,
        first_touched_at=ticket.first_touched_at,
        untouched_since=untouched_since,
        closed_at=ticket.closed_at,
        waits=read_waits(ticket.waits),
    )


def read_waits(
    stored: Iterable[Sequence[str | None]] | None,
) -> list[tuple[datetime, datetime | None]]:
    """The times that a ticket has waited (UTC), from its column `waits`."""
    return [
        (datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
        for begin, end in stored or ()
        if begin
    ]


def _target(rules: ClockRules, ticket: Ticket) -> ClockTarget | None:
    priority_id = ticket.priority_id
    if priority_id is None:  # a new ticket whose priority was given as a row
        priority_id = ticket.priority.id
    return rules.targets.get(priority_id)


def _write(ticket: Ticket, due: DueTimes, silent_before: datetime | None) -> None:
    ticket.touch_due_at = due.touch_due_at
    ticket.close_due_at = due.close_due_at
    if ticket.due_at == due.due_at:
        return  # people may have been told of it
    ticket.due_at = due.due_at
    is_silent = silent_before and due.due_at and due.due_at < silent_before
    ticket.clock_tells_at = None if is_silent else due.warns_at


def _polling_started(
    session: Session, connection_ids: Collection[int | None]
) -> dict[int | None, datetime | None]:
    ids = sorted(key for key in connection_ids if key is not None)
    if not ids:
        return {}
    rows = session.execute(
        select(Connection.id, Connection.polling_started_at).where(Connection.id.in_(ids))
    )
    return {row.id: row.polling_started_at for row in rows}
