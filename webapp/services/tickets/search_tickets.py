"""Full-text search over all that tickets say: text, client, host, report, timeline, files, …

Triggers of the database keep the index up to date (migration 0015), whatever code writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Select,
    String,
    bindparam,
    column,
    false,
    func,
    literal_column,
    not_,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.domain.search_query import SEARCH_LENGTH, as_fts5, as_tsquery
from webapp.domain.searching.operators import parse_operators, search_terms
from webapp.models import Ticket
from webapp.models.ticket_search import SEARCH_TABLE

NEWEST_TICKETS = 20_000
MATCH_LIMIT = 1_000
"""A page of the list looks at this many of the newest matches, so common words stay cheap."""


@dataclass(frozen=True, slots=True)
class Among:
    """The tickets that a search looks among.

    They fulfil the SQL `conditions`, do not fulfil `without`, and have ids below `below_id`. What
    few tickets fulfil is quick on SQLite, so tickets that are closed are asked for as those that
    are not open.
    """

    conditions: Sequence[ColumnElement[bool]] = ()
    without: ColumnElement[bool] | None = None
    below_id: int | None = None

    def all_conditions(self) -> list[ColumnElement[bool]]:
        """The SQL for these tickets."""
        return [
            *self.conditions,
            *([not_(self.without)] if self.without is not None else []),
            *([Ticket.id < self.below_id] if self.below_id is not None else []),
        ]


ALL = Among()


@dataclass(frozen=True, slots=True)
class Matches:
    """The ids of the newest tickets found; `is_cut` says that the search found older ones, too."""

    ids: Sequence[int]
    is_cut: bool


def find_matches(
    session: Session, typed: str, among: Among = ALL, *, limit: int | None = None
) -> Matches:
    """The newest tickets of `among` that have every word of `typed`, at most `limit` of them.

    Without a limit, MATCH_LIMIT holds. No typed text is an error; text without any letter or digit
    finds nothing.
    """
    limit = MATCH_LIMIT if limit is None else limit
    ids = session.scalars(search_tickets(session, typed, among, limit=limit + 1)).all()
    return Matches(ids[:limit], len(ids) > limit)


def search_tickets(
    session: Session, typed: str, among: Among = ALL, *, limit: int = MATCH_LIMIT
) -> Select[int]:
    """SQL for the ids that `find_matches` finds, newest first."""
    terms = search_terms(parse_operators(typed[:SEARCH_LENGTH]))
    if not terms:
        return select(Ticket.id).where(false())
    if session.get_bind().dialect.name == "sqlite":
        return _search_sqlite(as_fts5(terms), among, limit)
    return _search_postgresql(as_tsquery(terms), among.all_conditions(), limit)


def _search_sqlite(query: str, among: Among, limit: int) -> Select[int]:
    row_id: ColumnClause[int] = column("rowid")
    found = (
        select(row_id)
        .select_from(table(SEARCH_TABLE, row_id))
        .where(text(f"{SEARCH_TABLE} MATCH :search").bindparams(search=query))
    )
    # The plus keeps SQLite from running the search anew for each ticket that fits.
    found_id: ColumnClause[int] = literal_column("+rowid")
    if among.conditions:
        found = found.where(found_id.in_(select(Ticket.id).where(*among.conditions)))
    if among.without is not None:
        found = found.where(found_id.not_in(select(Ticket.id).where(among.without)))
    if among.below_id is not None:
        found = found.where(row_id < among.below_id)
    return found.order_by(row_id.desc()).limit(limit)


def _search_postgresql(
    query: str, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Select[int]:
    """SQL that reads the newest tickets one by one, and uses the index only if they are too few.

    PostgreSQL's planner underestimates how often words stand together. With the index alone it
    would fetch every match to keep the newest.
    """
    index = table(SEARCH_TABLE, column("ticket_id"), column("words"))
    # The words are written into the statement: a plan made for unknown words reads every match of
    # common words.
    words = bindparam("search", query, String, literal_execute=True)
    is_match = func.to_tsquery(text("'simple'"), func.ticket_search_fold(words))
    newest = (
        select(Ticket.id).where(*conditions).order_by(Ticket.id.desc()).limit(NEWEST_TICKETS)
    ).cte("newest")
    found = (
        select(index.c.ticket_id)
        .join(newest, newest.c.id == index.c.ticket_id)
        .where(index.c.words.op("@@")(is_match))
        .order_by(index.c.ticket_id.desc())
        .limit(limit)
        .cte("found")
    )
    older = (
        select(index.c.ticket_id)
        .join(Ticket, Ticket.id == index.c.ticket_id)
        .where(
            *conditions,
            index.c.words.op("@@")(is_match),
            index.c.ticket_id < select(func.min(newest.c.id)).scalar_subquery(),
            select(func.count()).select_from(found).scalar_subquery() < limit,
        )
        .order_by(index.c.ticket_id.desc())
        .limit(limit)
        .subquery("older")
    )
    both = union_all(select(found.c.ticket_id), select(older.c.ticket_id)).subquery("both")
    return select(both.c.ticket_id).order_by(both.c.ticket_id.desc()).limit(limit)
