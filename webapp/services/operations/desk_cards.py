"""The cards of the dashboard that list tickets, and what they count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.models import Alert, Priority, Ticket
from webapp.models.alert import is_open
from webapp.models.watch import is_no_drill
from webapp.services.tickets.list_tickets import UNTOUCHED, in_triage, ticket_rows
from webapp.services.tickets.live.untouched_criticals import critical_priorities, is_critical

SHOWN_TICKETS = 6
FIRST_VISIT = timedelta(days=1)
"""Who has never left before is shown what is new since so long ago."""
IS_OPEN = Ticket.closed_at.is_(None)
"""True for exactly the tickets in an open status; see ticket_state. An index covers them."""

_NOW: BindParameter[datetime] = bindparam("now")
_SINCE: BindParameter[datetime] = bindparam("since")
_USER_ID: BindParameter[int] = bindparam("user_id")
"""What a statement is told by asked_by: to build one takes longer than to run it."""

BURNING, RECENT, MINE, TRIAGE, OVERDUE = "burning", "recent", "mine", "triage", "overdue"
OTHERS = "other"
"""What burns without a severity that we know: tickets by hand, too."""
BURNS = (*(one.value for one in (Severity.CRITICAL, Severity.HIGH, Severity.LOW)), OTHERS)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the cards are: a user's id, and since when tickets are new to them (UTC)."""

    user_id: int
    left_at: datetime | None = None

    def since(self, now: datetime) -> datetime:
        """The time after which a ticket is new to them."""
        return self.left_at or now - FIRST_VISIT


@dataclass(frozen=True, slots=True)
class PriorityCount:
    """The open tickets of a priority; the other numbers count some of them."""

    priority: Priority
    is_critical: bool = False
    open_count: int = 0
    untouched_count: int = 0
    unassigned_count: int = 0
    triage_count: int = 0


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """The numbers of the cards; `burning` counts the untouched tickets by the words of BURNS.

    `recent_untouched` and `recent_closed` count some of the `recent` ones. `unticketed` are open
    incidents without a ticket. `has_tickets` says whether there is any, `has_due` whether any open
    one has a time within which it is due.
    """

    by_priority: Sequence[PriorityCount] = ()
    burning: Mapping[str, int] = field(default_factory=dict)
    recent: int = 0
    recent_untouched: int = 0
    recent_closed: int = 0
    mine: int = 0
    overdue: int = 0
    unticketed: int = 0
    has_tickets: bool = False
    has_due: bool = False


def asked_by(reader: Reader, now: datetime) -> dict[str, Any]:
    """The parameters of select_cards and select_counts."""
    return {"now": now, "since": reader.since(now), "user_id": reader.user_id}


Cards = Mapping[str, Sequence[Ticket]]
"""The tickets that each card lists, by the card's name."""


def read_cards(session: Session, reader: Reader, now: datetime) -> Cards:
    """The tickets of each card, at most SHOWN_TICKETS, in one statement.

    A ticket is listed once, on the first card that it belongs to: no two cards show the same.
    """
    found: dict[str, list[tuple[Any, Ticket]]] = {name: [] for name in _ORDERS}
    for ticket, name, is_grave in session.execute(select_cards(), asked_by(reader, now)).unique():
        found[name].append((_ORDERS[name](ticket, bool(is_grave)), ticket))
    return {
        name: [ticket for _, ticket in sorted(rows, key=itemgetter(0))]
        for name, rows in found.items()
    }


@cache
def select_cards() -> Select[Ticket, str, bool]:
    """SQL for the tickets of the cards, each with its card and whether it is critical."""
    parts: list[Any] = []
    for name, wanted in _lists().items():
        others = [Ticket.id.not_in(select(part.c.id)) for part in parts]
        chosen = wanted.where(is_no_drill(), *others).limit(SHOWN_TICKETS)
        parts.append(chosen.add_columns(literal(name).label("card")).cte(name))
    found = union_all(*(select(part.c.id, part.c.card) for part in parts)).subquery()
    cards = ticket_rows().join(found, found.c.id == Ticket.id)
    return cards.add_columns(found.c.card, is_critical().label("is_grave"))


def _lists() -> dict[str, Select[int]]:
    """SQL for the ids of each card, the first of them first."""
    by_age = (Ticket.reported_at, Ticket.id)
    ids = select(Ticket.id)
    return {
        BURNING: ids.join(Ticket.priority)
        .where(IS_OPEN, UNTOUCHED)
        .order_by(case((is_critical(), 0), else_=1), Priority.position, *by_age),
        RECENT: ids.where(Ticket.created_at > _SINCE).order_by(
            Ticket.created_at.desc(), Ticket.id.desc()
        ),
        MINE: ids.join(Ticket.priority)
        .where(IS_OPEN, Ticket.assignee_id == _USER_ID)
        .order_by(Priority.position, *by_age),
        TRIAGE: ids.where(IS_OPEN, in_triage()).order_by(*by_age),
        OVERDUE: ids.where(_has_come_due()).order_by(Ticket.due_at, Ticket.id),
    }


def _by_urgency(ticket: Ticket, _is_grave: bool) -> tuple[Any, ...]:
    return (ticket.priority.position, ticket.reported_at, ticket.id)


_ORDERS: dict[str, Callable[[Ticket, bool], tuple[Any, ...]]] = {
    BURNING: lambda one, is_grave: (not is_grave, *_by_urgency(one, is_grave)),
    RECENT: lambda one, _: (-one.created_at.timestamp(), -one.id),
    MINE: _by_urgency,
    TRIAGE: lambda one, _: (one.reported_at, one.id),
    OVERDUE: lambda one, _: (one.due_at, one.id),
}
"""The same orders as those of the SQL."""


def _has_come_due() -> ColumnElement[bool]:
    """SQL for open tickets whose next time has passed."""
    return and_(Ticket.due_at.is_not(None), IS_OPEN, Ticket.due_at < _NOW)


def read_counts(session: Session, reader: Reader, now: datetime) -> DeskCounts:
    """The numbers of the cards, and each priority with its numbers, in one statement."""
    rows = session.execute(select_counts(), asked_by(reader, now)).all()
    first = rows[0]
    return DeskCounts(
        by_priority=[
            PriorityCount(row.Priority, bool(row.grave), *row[2:6])
            for row in rows
            if row.Priority is not None
        ],
        burning={word: getattr(first, f"burning_{word}") for word in BURNS},
        recent=first.recent,
        recent_untouched=first.recent_untouched,
        recent_closed=first.recent_closed,
        mine=sum(row[6] for row in rows),
        overdue=first.overdue,
        unticketed=first.unticketed,
        has_tickets=first.has_tickets,
        has_due=first.has_due,
    )


@cache
def select_counts() -> Select[*tuple[Any, ...]]:
    """SQL for a row of each priority with its numbers, and beside them those of the cards."""
    counts, burning, recent = _by_priority(), _burning(), _recent()
    once = [
        *burning.c,
        *recent.c,
        _number("overdue", _has_come_due(), is_no_drill()),
        _unticketed(),
        select(Ticket.id).exists().label("has_tickets"),
        select(Ticket.id).where(Ticket.due_at.is_not(None), IS_OPEN).exists().label("has_due"),
    ]
    figures = [func.coalesce(column, 0) for column in list(counts.c)[1:]]
    return (
        select(Priority, Priority.id.in_(critical_priorities()).label("grave"), *figures, *once)
        .select_from(burning)
        .join(recent, true())
        .outerjoin(Priority, true())
        .outerjoin(counts, counts.c.priority_id == Priority.id)
        .order_by(Priority.position, Priority.id)
    )


def _number(name: str, *conditions: ColumnElement[bool]) -> Any:
    return select(func.count()).where(*conditions).scalar_subquery().label(name)


def _by_priority() -> Any:
    return (
        select(
            Ticket.priority_id.label("priority_id"),
            func.count().label("open"),
            func.count().filter(UNTOUCHED).label("untouched"),
            func.count().filter(Ticket.assignee_id.is_(None)).label("unassigned"),
            func.count().filter(in_triage()).label("triage"),
            func.count().filter(Ticket.assignee_id == _USER_ID).label("mine"),
        )
        .where(IS_OPEN, is_no_drill())
        .group_by(Ticket.priority_id)
        .subquery()
    )


def _burning() -> Any:
    """One row: how many tickets are untouched, by what burns."""
    high = (Severity.CRITICAL.value, Severity.HIGH.value)
    word = case(
        (is_critical(), Severity.CRITICAL.value),
        (Alert.parsed_severity.in_(high), Severity.HIGH.value),
        (Alert.parsed_severity == Severity.LOW.value, Severity.LOW.value),
        else_=OTHERS,
    )
    words = (
        select(word.label("word"), func.count().label("number"))
        .select_from(Ticket)
        .outerjoin(Alert, Alert.ticket_id == Ticket.id)
        .where(IS_OPEN, UNTOUCHED, is_no_drill())
        .group_by("word")
        .subquery()
    )
    counted = (
        func.coalesce(func.sum(words.c.number).filter(words.c.word == one), 0) for one in BURNS
    )
    return select(
        *(value.label(f"burning_{one}") for value, one in zip(counted, BURNS, strict=True))
    ).subquery()


def _recent() -> Any:
    """One row: how many tickets are new, and what became of them."""
    is_waiting = and_(IS_OPEN, UNTOUCHED)
    return (
        select(
            func.count().label("recent"),
            func.count().filter(is_waiting).label("recent_untouched"),
            func.count().filter(Ticket.closed_at.is_not(None)).label("recent_closed"),
        )
        .where(Ticket.created_at > _SINCE, is_no_drill())
        .subquery()
    )


def _unticketed() -> Any:
    """Open incidents that have no ticket: excluded, recorded, or from before the horizon."""
    found = select(func.count()).where(
        is_open(), Alert.ticket_id.is_(None), Alert.is_drill.is_(False)
    )
    return found.scalar_subquery().label("unticketed")
