"""Full-text search over number, title, client, description and comments of tickets.

Triggers of the database keep the index up to date (migration 0003), whatever code writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnClause,
    Select,
    String,
    bindparam,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.domain.search_query import SEARCH_LENGTH, as_fts5, as_tsquery, parse_search
from webapp.models import Ticket
from webapp.models.ticket_search import SEARCH_TABLE

NEWEST_TICKETS = 20_000
MATCH_LIMIT = 1_000
"""A search looks only at this many of the newest matches, so common words stay cheap."""


def search_tickets(session: Session, typed: str, *, limit: int = MATCH_LIMIT) -> Select[int]:
    """SQL for the ids of the newest tickets that have every word of `typed`.

    No typed text is an error; text without any letter or digit finds nothing.
    """
    terms = parse_search(typed[:SEARCH_LENGTH])
    if not terms:
        return select(Ticket.id).where(false())
    if session.get_bind().dialect.name == "sqlite":
        row_id: ColumnClause[int] = literal_column("rowid")
        return (
            select(row_id)
            .select_from(text(SEARCH_TABLE))
            .where(text(f"{SEARCH_TABLE} MATCH :search").bindparams(search=as_fts5(terms)))
            .order_by(row_id.desc())
            .limit(limit)
        )
    return _search_postgresql(as_tsquery(terms), limit)


def _search_postgresql(query: str, limit: int) -> Select[int]:
    """SQL that reads the newest tickets one by one, and uses the index only if they are too few.

    PostgreSQL's planner underestimates how often words stand together. With the index alone it
    would fetch every match to keep the newest.
    """
    index = table(SEARCH_TABLE, column("ticket_id"), column("words"))
    # The words are written into the statement: a plan made for unknown words reads every match of
    # common words.
    words = bindparam("search", query, String, literal_execute=True)
    is_match = func.to_tsquery(text("'simple'"), words)
    newest = (
        select(index.c.ticket_id, index.c.words)
        .order_by(index.c.ticket_id.desc())
        .limit(NEWEST_TICKETS)
        .subquery("newest")
    )
    found = (
        select(newest.c.ticket_id)
        .where(newest.c.words.op("@@")(is_match))
        .limit(limit)
        .cte("found")
    )
    older = (
        select(index.c.ticket_id)
        .where(
            index.c.words.op("@@")(is_match),
            index.c.ticket_id < select(func.min(newest.c.ticket_id)).scalar_subquery(),
            select(func.count()).select_from(found).scalar_subquery() < limit,
        )
        .order_by(index.c.ticket_id.desc())
        .limit(limit)
        .subquery("older")
    )
    both = union_all(select(found.c.ticket_id), select(older.c.ticket_id)).subquery("both")
    return select(both.c.ticket_id).order_by(both.c.ticket_id.desc()).limit(limit)


@dataclass(frozen=True, slots=True)
class Matches:
    """The ids of the newest tickets found; `is_cut` says that the search found more."""

    ids: Sequence[int]
    is_cut: bool


def find_matches(session: Session, typed: str) -> Matches:
    """Run a search once, so that several statements can use its result."""
    ids = session.scalars(search_tickets(session, typed, limit=MATCH_LIMIT + 1)).all()
    return Matches(ids[:MATCH_LIMIT], len(ids) > MATCH_LIMIT)
