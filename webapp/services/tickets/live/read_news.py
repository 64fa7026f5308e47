"""What an open page is told: untouched criticals, and what changed in the list or the ticket."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Integer, Select, and_, bindparam, case, cast, func, select

from webapp import clock
from webapp.domain.live.entry_words import said_of_entry
from webapp.domain.live.since import changes_from
from webapp.models import Client, Comment, Status, Ticket, User
from webapp.models.columns import UtcDateTime
from webapp.models.ticket import INTERNAL_NOTE
from webapp.services.tickets.live.news_rows import (
    at_most,
    news_part,
    news_statement,
    read_news_rows,
)
from webapp.services.tickets.live.untouched_criticals import is_critical, tell_criticals
from webapp.services.tickets.ticket_filters import TicketQuery, build_conditions, in_tab
from webapp.services.transactions import reading

MOST_CHANGES = 100
"""So many changed tickets are told to a list; of more, only that there are more."""
NEWEST_ENTRIES = 5
"""So many entries of the timeline are told to the page of a ticket."""
_BEGINNING = 400
_TICKET = bindparam("ticket_id", type_=Integer)
_TOLD_SINCE = bindparam("told_since", type_=UtcDateTime)

News = dict[str, Any]
"""What a page is told, as JSON; times are ISO texts in UTC. Nothing in it changes by itself."""


def read_count_news() -> News:
    """What every page is told: how many criticals are untouched, and the newest of them."""
    return read_news(_counted())[0]


def read_list_news(query: TicketQuery, loaded: datetime | None) -> News:
    """What a list of `query` is told that was loaded at `loaded` (UTC).

    `tickets` are those that changed since, whether they are in the list or not: `fits` says whether
    they fit its tab and filters (its search is not asked), `now` is their status and who has them.
    """
    now = clock.utcnow()
    statement = _listed(query, now.replace(second=0, microsecond=0))
    news, rows = read_news(statement, {_TOLD_SINCE.key: changes_from(loaded, now)})
    changed = rows.get("ticket", ())
    return news | {
        "has_more": len(changed) > MOST_CHANGES,
        "tickets": [_ticket(row) for row in changed[:MOST_CHANGES]],
    }


def read_ticket_news(ticket_id: int) -> News:
    """What the page of a ticket is told: the newest entries of its timeline, the newest first.

    The page knows which of them it shows already. There are none where the ticket is gone.
    """
    news, rows = read_news(_told_of_ticket(), {_TICKET.key: ticket_id})
    entries = sorted(rows.get("entry", ()), key=lambda row: (row.at, row.id), reverse=True)
    return news | {"entries": [_entry(row) for row in entries]}


def read_news(
    statement: CompoundSelect[Any], values: Mapping[str, Any] | None = None
) -> tuple[News, dict[str, list[Any]]]:
    """What every page is told, and all rows of a `told_with` statement by their kind.

    `values` are those of the statement's parameters.
    """
    with reading() as session:
        rows = read_news_rows(session, statement, values)
    newest = sorted(rows.get("critical", ()), key=lambda row: row.id, reverse=True)
    count = rows["count"][0].number
    return {"criticals": {"count": count, "newest": [_critical(row) for row in newest]}}, rows


def told_with(*parts: Select[Any]) -> CompoundSelect[Any]:
    """SQL for what every page is told, and for `parts`.

    To build it takes longer than to run it: who asks often keeps it.
    """
    count, named = tell_criticals()
    newest = news_part(
        "critical",
        named,
        id=Ticket.id,
        number=cast(Ticket.is_muted, Integer),
        name=Ticket.number,
        words=Ticket.title,
        more=Client.name,
    )
    return news_statement([news_part("count", number=count), newest, *parts])


@cache
def _counted() -> CompoundSelect[Any]:
    return told_with()


@cache
def _told_of_ticket() -> CompoundSelect[Any]:
    return told_with(_newest_entries())


@lru_cache(maxsize=128)
def _listed(query: TicketQuery, minute: datetime) -> CompoundSelect[Any]:
    """The lists of a desk are few; what a filter says of hours is a minute old at most."""
    return told_with(_changed_tickets(query, minute))


def _critical(row: Any) -> News:
    return {
        "id": row.id,
        "number": row.name,
        "title": row.words,
        "client": row.more,
        "is_muted": bool(row.number),
    }


def _changed_tickets(query: TicketQuery, now: datetime) -> Select[Any]:
    newest = (
        select(Ticket.id)
        .where(Ticket.updated_at > select(_TOLD_SINCE).scalar_subquery())
        .order_by(Ticket.updated_at.desc(), Ticket.id.desc())
        .limit(at_most(MOST_CHANGES + 1))
        .subquery()
    )
    fits = and_(in_tab(query.is_closed), *build_conditions(query, now))
    found = (
        select(Ticket.id)
        .join(newest, newest.c.id == Ticket.id)
        .join(Status, Status.id == Ticket.status_id)
        .outerjoin(User, User.id == Ticket.assignee_id)
        .order_by(Ticket.updated_at.desc(), Ticket.id.desc())
        .limit(at_most(MOST_CHANGES + 1))
    )
    return news_part(
        "ticket",
        found,
        id=Ticket.id,
        number=case((fits, 1), else_=0) + case((is_critical(), 2), else_=0),
        name=Ticket.number,
        words=Status.name,
        more=User.name,
        at=Ticket.created_at,
        changed=Ticket.updated_at,
    )


def _ticket(row: Any) -> News:
    return {
        "id": row.id,
        "number": row.name,
        "fits": bool(row.number & 1),
        "is_critical": bool(row.number & 2),
        "now": f"{row.words}, {row.more or 'unassigned'}",
        "created": row.at.isoformat(),
        "version": row.changed.isoformat(),
    }


def _newest_entries() -> Select[Any]:
    found = (
        select(Comment.id)
        .outerjoin(User, User.id == Comment.author_id)
        .where(Comment.ticket_id == _TICKET)
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(at_most(NEWEST_ENTRIES))
    )
    is_note = and_(Comment.kind == INTERNAL_NOTE, Comment.author_id.is_not(None))
    return news_part(
        "entry",
        found,
        id=Comment.id,
        number=case((is_note, 1), else_=0),
        name=User.name,
        words=func.substr(Comment.body, 1, _BEGINNING),
        at=Comment.created_at,
        changed=Comment.edited_at,
    )


def _entry(row: Any) -> News:
    return {
        "id": row.id,
        "who": row.name or "Triagedesk",
        "what": said_of_entry(row.words, is_note=bool(row.number)),
        "at": row.at.isoformat(),
        "edited": row.changed and row.changed.isoformat(),
    }
