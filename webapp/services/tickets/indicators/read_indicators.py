"""The indicators of one ticket, and in how many other tickets they were seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from webapp.domain.triage.indicator_kinds import KIND_WORDS, IndicatorKind, defang_indicator
from webapp.models import Indicator, Ticket
from webapp.services.transactions import reading

SEEN_LIMIT = 50
"""Tickets with the same indicator are counted up to this number, so that a page stays quick."""

_TICKET = 1_000
"""Both counts come as one number, so that the tickets are read once: this times the tickets, plus
the clients."""

LONGEST_IN_ADDRESS = 300


@dataclass(frozen=True, slots=True)
class ShownIndicator:
    """An indicator as a page shows it; `filter` is what the list is filtered by.

    `tickets` counts the tickets that have it, this one included, and `clients` their clients; both
    count no more than SEEN_LIMIT tickets.
    """

    value: str
    defanged: str
    filter: str
    tickets: int
    clients: int

    @property
    def is_counted_out(self) -> bool:
        """Whether there may be more tickets than were counted."""
        return self.tickets >= SEEN_LIMIT


@dataclass(frozen=True, slots=True)
class IndicatorGroup:
    """The indicators of one kind, in the order in which the report names them."""

    kind: str
    words: str
    indicators: Sequence[ShownIndicator]


def read_indicators(ticket_id: int) -> list[IndicatorGroup]:
    """The indicators of a ticket by kind, in one statement."""
    with reading() as session:
        rows = session.execute(_statement(ticket_id)).all()
    groups = []
    for kind in IndicatorKind:
        shown = [
            ShownIndicator(
                value=row.value,
                defanged=defang_indicator(kind, row.value),
                filter=_address(row.kind, row.value, row.key),
                tickets=row.seen // _TICKET,
                clients=row.seen % _TICKET,
            )
            for row in rows
            if row.kind == kind
        ]
        if shown:
            groups.append(IndicatorGroup(kind.value, KIND_WORDS[kind], shown))
    return groups


def _address(kind: str, value: str, key: str) -> str:
    """What names the indicator in an address: kind and value, or the key of a very long one."""
    return f"{kind}:{value}" if len(value) <= LONGEST_IN_ADDRESS else key


def _statement(ticket_id: int) -> Select[*tuple[Any, ...]]:
    other = aliased(Indicator)
    seen = (
        select(other.ticket_id, Ticket.client_id)
        .join(Ticket, Ticket.id == other.ticket_id)
        .where(other.key == Indicator.key, Ticket.is_drill.is_(False))
        .limit(SEEN_LIMIT)
        .correlate(Indicator)
    )
    found = seen.subquery("found")
    count = func.count(found.c.ticket_id) * _TICKET + func.count(found.c.client_id.distinct())
    return (
        select(
            Indicator.kind,
            Indicator.value,
            Indicator.key,
            select(count).scalar_subquery().label("seen"),
        )
        .where(Indicator.ticket_id == ticket_id)
        .order_by(Indicator.id)
    )
