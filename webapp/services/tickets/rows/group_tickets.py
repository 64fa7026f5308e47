"""The rows of a page, grouped by the host or identity that they are about.

A group stands where its first ticket stands in the order of the list. So a page is read as always,
and the other tickets of its subjects are fetched from wherever they are. Rows whose group began on
an earlier page are left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.models import Priority, Ticket
from webapp.services.keyset import Keyset
from webapp.services.tickets.rows.ticket_rows import load_tickets

SHOWN_OF_GROUP = 3
GROUPS_A_PAGE = 30
"""A page has so many groups at most: three times as many rows."""
MOST_OF_SUBJECTS = 2_000
"""So many tickets of the subjects of a page are looked at; further ones stand by themselves."""

SubjectKey: TypeAlias = tuple[int, bool, str]


@dataclass(frozen=True, slots=True)
class TicketGroup:
    """Tickets of one host or identity at one client, in the order of the list.

    `count` is how many fit the filters; at most SHOWN_OF_GROUP of them are in `tickets`.
    """

    tickets: Sequence[Ticket]
    count: int = 1

    @property
    def subject(self) -> str | None:
        """The name of the host or identity; None for a ticket that stands by itself."""
        return self.tickets[0].subject_name if self.count > 1 else None


def group_tickets(
    session: Session,
    page: Sequence[Ticket],
    conditions: Sequence[ColumnElement[bool]],
    keyset: Keyset,
) -> list[TicketGroup]:
    """The tickets of `page` by subject; `conditions` are those of the list, with its tab."""
    members = _read_members(session, page, conditions, keyset)
    own = {ticket.id: ticket for ticket in page}
    shown = {key: ids[:SHOWN_OF_GROUP] for key, ids in members.items() if ids[0] in own}
    missing = {one for ids in shown.values() for one in ids} - own.keys()
    known = own | {ticket.id: ticket for ticket in load_tickets(session, sorted(missing))}
    groups = []
    for ticket in page:
        key = _key(ticket)
        ids = members.get(key, []) if key else []
        if key is None or ticket.id not in ids:
            groups.append(TicketGroup([ticket]))
        elif ids[0] == ticket.id:
            rows = [known[one] for one in shown[key] if one in known]
            groups.append(TicketGroup(rows, len(ids)))
    return groups


def _key(ticket: Ticket) -> SubjectKey | None:
    if ticket.subject_key is None:
        return None
    return ticket.client_id, ticket.is_unmapped, ticket.subject_key


def _read_members(
    session: Session,
    page: Iterable[Ticket],
    conditions: Sequence[ColumnElement[bool]],
    keyset: Keyset,
) -> dict[SubjectKey, list[int]]:
    """The ids of all tickets of the page's subjects that have several, in the order of the list."""
    wanted = {key for ticket in page if (key := _key(ticket)) and (ticket.open_of_subject or 0) > 1}
    if not wanted:
        return {}
    rows = session.execute(
        select(Ticket.id, Ticket.client_id, Ticket.is_unmapped, Ticket.subject_key)
        .join(Priority, Priority.id == Ticket.priority_id)
        .where(*conditions, Ticket.subject_key.in_({key[2] for key in wanted}))
        .order_by(*keyset.clauses(reverse=False))
        .limit(MOST_OF_SUBJECTS)
    )
    members: dict[SubjectKey, list[int]] = {}
    for row in rows:
        key = (row.client_id, row.is_unmapped, row.subject_key)
        if key in wanted:
            members.setdefault(key, []).append(row.id)
    return members
