"""Full-text search over all that tickets say: text, client, host, report, timeline, files, …

Triggers of the database keep the index up to date (migration 0015), whatever code writes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    Column,
    ColumnClause,
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    case,
    column,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors

from webapp.domain.search_query import (
    SEARCH_LENGTH,
    Term,
    as_fts5,
    as_loose_tsquery,
    as_tsquery,
)
from webapp.domain.searching.operators import parse_operators, search_terms
from webapp.models import Ticket
from webapp.models.ticket_search import SEARCH_TABLE

FEW_THAT_FIT = 10_000
VERY_FEW = 1_000
"""To read the words of so many tickets takes a fraction of going through a word that most have."""

_LAST_ID = 2**62
MATCH_LIMIT = 1_000
"""A page of the list looks at this many of the newest matches, so common words stay cheap."""

_TICKET_ID, _WORDS = table(SEARCH_TABLE, column("ticket_id"), column("words")).c
"""Of PostgreSQL's table; migration 0016 sees to it that its index is asked."""


@dataclass(frozen=True, slots=True)
class Among:
    """The tickets that a search looks among.

    They fulfil the SQL `conditions`, do not fulfil `without`, which few do, and have ids below
    `below_id`.
    """

    conditions: Sequence[ColumnElement[bool]] = ()
    without: ColumnElement[bool] | None = None
    below_id: int | None = None


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
    [found] = find_all_matches(session, typed, [among], limit=limit)
    return found


def find_all_matches(
    session: Session, typed: str, searched: Sequence[Among], *, limit: int | None = None
) -> list[Matches]:
    """What find_matches finds in each of `searched`, in one statement."""
    limit = MATCH_LIMIT if limit is None else limit
    ids: list[list[int]] = [[] for _ in searched]
    found = session.execute(_search_tickets(session, typed, searched, limit=limit + 1)).all()
    for place, ticket_id in found:
        ids[place].append(ticket_id)
    return [Matches(some[:limit], len(some) > limit) for some in ids]


def _search_tickets(
    session: Session, typed: str, searched: Sequence[Among] = (ALL,), *, limit: int = MATCH_LIMIT
) -> CompoundSelect[Any]:
    """SQL for rows of a place in `searched` and an id that is found there, the newest first."""
    terms = search_terms(parse_operators(typed[:SEARCH_LENGTH]))
    statements: Iterable[Select[int]]
    if not terms:
        statements = [select(Ticket.id).where(false()) for _ in searched]
    elif session.get_bind().dialect.name == "sqlite":
        statements = [_search_sqlite(as_fts5(terms), among, limit) for among in searched]
    else:
        # All use what the index is asked for once.
        found = select(_TICKET_ID).where(_WORDS.op("@@")(_as_query(as_loose_tsquery(terms))))
        newest = found.order_by(_TICKET_ID.desc()).cte("newest").prefix_with("MATERIALIZED")
        statements = [_search_postgresql(newest, terms, among, limit) for among in searched]
    parts = []
    for place, statement in enumerate(statements):
        [ticket_id] = (part := statement.subquery()).c
        parts.append(select(literal(place).label("place"), ticket_id.label("id")).select_from(part))
    # Unions keep no order, but ids tell it.
    return union_all(*parts).order_by(literal_column("place"), literal_column("id").desc())


def _search_sqlite(query: str, among: Among, limit: int) -> Select[int]:
    row_id: ColumnClause[int] = column("rowid")
    found = (
        select(row_id)
        .select_from(table(SEARCH_TABLE, row_id))
        .where(literal_column(SEARCH_TABLE).match(query))
    )
    # The plus keeps SQLite from running the search anew for each ticket that fits.
    found_id: ColumnClause[int] = literal_column(f"+{SEARCH_TABLE}.rowid")
    if among.conditions:
        found = found.where(*_fits_sqlite(among.conditions, row_id, found_id))
    if among.without is not None:
        found = found.where(found_id.not_in(select(Ticket.id).where(among.without)))
    if among.below_id is not None:
        found = found.where(row_id < among.below_id)
    return found.order_by(row_id.desc()).limit(limit)


def _fits_sqlite(
    conditions: Sequence[ColumnElement[bool]],
    row_id: ColumnElement[int],
    found_id: ColumnElement[int],
) -> list[ColumnElement[bool]]:
    """SQL for matches that fulfil `conditions`.

    Tickets that do are found first, if they are few; matches older or newer than all of them are
    spared. If they are many, matches are looked up one by one: soon there are enough.
    """
    fits, count = _few_that_fit([_read_in_order(one) for one in conditions])
    first, last = (
        select(case((func.count() > FEW_THAT_FIT, bound), else_=value)).scalar_subquery()
        for bound, value in ((0, func.min(fits.c.id)), (_LAST_ID, func.max(fits.c.id)))
    )
    its_own = select(Ticket.id).where(Ticket.id == found_id, *conditions).correlate(None).exists()
    return [
        row_id.between(first, last),
        case((count > FEW_THAT_FIT, its_own), else_=found_id.in_(select(fits.c.id))),
    ]


def _read_in_order(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition with a plus before each reference: SQLite's sign not to use its index.

    That of a client or a person names tickets whose rows would be read one by one, all over the
    file. An index of the tab has what most filters ask for, in one piece.
    """

    def with_plus(element: Any, **_: Any) -> Any:
        is_reference = isinstance(element, Column) and element.foreign_keys
        if is_reference and element.table is Ticket.__table__:
            return literal_column(f"+tickets.{element.name}", element.type)
        return None

    return visitors.replacement_traverse(condition, {}, with_plus)


def _search_postgresql(newest: CTE, terms: Sequence[Term], among: Among, limit: int) -> Select[int]:
    """SQL that looks at the newest tickets with these words one by one until there are enough.

    Where very few tickets fit the conditions, their words are read instead, and the index is not
    asked: a statement's part that nobody needs is not run.
    """
    [ticket_id] = newest.c
    with_words = _without_others(select(ticket_id), ticket_id, among)
    if not among.conditions:
        return _in_order(with_words, terms).limit(limit)
    fits, count = _few_that_fit(among.conditions)
    are_very_few = count <= VERY_FEW
    one_by_one = with_words.where(
        ~are_very_few, _fits_postgresql(fits, count, among.conditions, ticket_id)
    )
    looked_at = _without_others(select(fits.c.id), fits.c.id, among)
    looked_at = looked_at.where(are_very_few, _has_words(fits.c.id, terms))
    found = union_all(_in_order(one_by_one, terms).limit(limit), looked_at).subquery()
    [found_id] = found.c
    return select(found_id).order_by(found_id.desc()).limit(limit)


def _without_others(
    statement: Select[int], ticket_id: ColumnElement[int], among: Among
) -> Select[int]:
    if among.below_id is not None:
        statement = statement.where(ticket_id < among.below_id)
    if among.without is not None:
        statement = statement.where(ticket_id.not_in(select(Ticket.id).where(among.without)))
    return statement


def _in_order(statement: Select[int], terms: Sequence[Term]) -> Select[int]:
    """SQL for those of `statement` in which the words stand where they should.

    Words are read only if they must: the index does not know which follow each other, nor where
    they stand.
    """
    if as_tsquery(terms) == as_loose_tsquery(terms):
        return statement
    [ticket_id] = statement.cte().prefix_with("MATERIALIZED").c
    return select(ticket_id).where(_has_words(ticket_id, terms))


def _has_words(ticket_id: ColumnElement[int], terms: Sequence[Term]) -> ColumnElement[bool]:
    is_match = _WORDS.op("@@", return_type=Boolean())(_as_query(as_tsquery(terms)))
    return select(is_match).where(ticket_id == _TICKET_ID).scalar_subquery()


def _fits_postgresql(
    fits: CTE,
    count: ColumnElement[int],
    conditions: Sequence[ColumnElement[bool]],
    found_id: ColumnElement[int],
) -> ColumnElement[bool]:
    """As _fits_sqlite, but that the newest matches come first by themselves.

    For EXISTS, PostgreSQL would find all that fit beforehand.
    """
    its_own = select(literal(True)).where(Ticket.id == found_id, *conditions).scalar_subquery()
    return case((count > FEW_THAT_FIT, its_own), else_=found_id.in_(select(fits.c.id)))


def _few_that_fit(conditions: Sequence[ColumnElement[bool]]) -> tuple[CTE, ScalarSelect[int]]:
    """SQL for the ids of tickets that fulfil `conditions`, and for their number.

    If there are more than FEW_THAT_FIT, they are not all of them. Both are run once, by themselves.
    """
    found = select(Ticket.id).where(*conditions).limit(FEW_THAT_FIT + 1)
    fits = found.cte().prefix_with("MATERIALIZED")
    counted = select(func.count()).select_from(fits).cte().prefix_with("MATERIALIZED")
    return fits, select(*counted.c).scalar_subquery()


def _as_query(words: str) -> ColumnElement[str]:
    return func.to_tsquery(text("'simple'"), func.ticket_search_fold(words))
