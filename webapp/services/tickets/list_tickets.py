"""The ticket list: filtered, sorted and paged.

A page is read in two steps: first the ids, from indexes and without the long texts, then the
tickets. Counts stop at COUNT_LIMIT, and of what a search finds among the tickets that fit the
filters, only the newest are looked at. This keeps the list quick with 100,000 tickets (measured by
`python -m bench desk`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all
from sqlalchemy.orm import Session, raiseload

from webapp import clock
from webapp.domain.searching.snippets import Snippet
from webapp.models import Ticket
from webapp.models.watch import is_no_drill
from webapp.services.keyset import Keyset, PageOfRows, Place, page_of, read_place
from webapp.services.list_sizes import PAGE_SIZE
from webapp.services.tickets.desk_choices import DeskChoices, PriorityChoice
from webapp.services.tickets.filter_choices import drop_unknown, read_choices
from webapp.services.tickets.rows.group_tickets import GROUPS_A_PAGE, TicketGroup, group_tickets
from webapp.services.tickets.rows.ticket_rows import load_tickets, ticket_rows
from webapp.services.tickets.search_tickets import MATCH_LIMIT, Matches
from webapp.services.tickets.searching.find_snippets import find_snippets
from webapp.services.tickets.searching.similar_names import find_similar
from webapp.services.tickets.searching.written_ids import is_among
from webapp.services.tickets.ticket_filters import (
    NOBODY,
    UNTOUCHED,
    TicketQuery,
    build_conditions,
    find_searched,
    find_searched_in_tabs,
    in_tab,
    in_triage,
)
from webapp.services.tickets.ticket_sorts import (
    BY_PRIORITY,
    DEFAULT_SORTS,
    HIGHEST_ID,
    NEWEST,
    SORTS,
)
from webapp.services.transactions import reading

__all__ = [
    "DEFAULT_SORTS",
    "NOBODY",
    "SORTS",
    "UNTOUCHED",
    "TicketPage",
    "TicketQuery",
    "in_triage",
    "list_tickets",
    "neighbours_in_list",
    "ticket_rows",
]

COUNT_LIMIT = 9_999
FILTERED_COUNT_LIMIT = 999


@dataclass(frozen=True, slots=True)
class TicketPage:
    """One page of the list; the counts follow the filters, but not the tab, and leave drills out.

    `query` is what was listed: filters by rows that do not exist are left out, and named in
    `ignored`. A count above `count_limit` means that there are more. If the search found more
    tickets than the list looks at, the older ones have ids below `older_below`. `snippets` show by
    ticket id where the search matches; `similar` are searches to try where it finds nothing.

    `groups` holds the same rows as `tickets`, each by itself or grouped by subject: see
    group_tickets.
    """

    query: TicketQuery
    tickets: PageOfRows[Ticket]
    groups: Sequence[TicketGroup]
    open_count: int
    closed_count: int
    choices: DeskChoices
    ignored: tuple[str, ...] = ()
    count_limit: int = COUNT_LIMIT
    older_below: int | None = None
    snippets: Mapping[int, Snippet] = field(default_factory=dict)
    similar: Sequence[str] = ()


def list_tickets(
    query: TicketQuery, *, is_grouped: bool = False, page_size: int | None = None
) -> TicketPage:
    """The page of tickets that `query` asks for, with all that a row shows (client, board, …).

    With `is_grouped`, open tickets of one host or identity stand together; fewer of them make a
    page. A mark that cannot be read starts from the top.
    """
    has_groups = is_grouped and not query.is_closed
    page_size = page_size or (GROUPS_A_PAGE if has_groups else PAGE_SIZE)
    with reading() as session:
        choices = read_choices(session, query)
        query, ignored = drop_unknown(query, choices)
        conditions = build_conditions(query, clock.utcnow(), session)
        searched = find_searched_in_tabs(session, query, conditions)
        matches = searched[0] if searched else None
        if searched is None:
            limit = FILTERED_COUNT_LIMIT if query.is_narrowed else COUNT_LIMIT
            open_count, closed_count = _count(session, conditions, limit)
            listed = conditions
        else:
            limit = MATCH_LIMIT
            open_count, closed_count = _count_found(session, query, *searched)
            listed = [is_among(searched[0].ids)]
        tickets = _read_page(session, query, listed, choices.priorities, page_size)
        is_vain = bool(query.search) and not open_count and not closed_count
        return TicketPage(
            query=query,
            tickets=tickets,
            groups=_group(session, query, tickets.rows, listed, has_groups=has_groups),
            open_count=open_count,
            closed_count=closed_count,
            choices=choices,
            ignored=ignored,
            count_limit=limit,
            older_below=matches.ids[-1] if matches is not None and matches.is_cut else None,
            snippets=find_snippets(session, tickets.rows, query.parsed_search),
            similar=find_similar(session, query.search) if is_vain else (),
        )


def neighbours_in_list(
    query: TicketQuery, mark: str, priorities: Sequence[PriorityChoice], *, without: int
) -> tuple[Ticket | None, Ticket | None]:
    """The tickets before and after a place in the list, but never the one with the id `without`.

    `mark` is the place, also of a ticket that is not in the list any more; `priorities` are all
    priorities in their order. Only the tickets' own columns are loaded.
    """
    keyset = SORTS[query.sort_name]
    with reading() as session:
        conditions = build_conditions(query, clock.utcnow(), session)
        matches = find_searched(session, query, conditions)
        if matches is not None:
            conditions = [is_among(matches.ids)]
        conditions = [*conditions, Ticket.id != without]
        steps = []
        for step, place in (
            (-1, read_place(keyset, after=None, before=mark)),
            (1, read_place(keyset, after=mark, before=None)),
        ):
            first = _page_ids(query, conditions, place, priorities, 0)
            if first is not None:
                steps.append(select(first.subquery().c.id, literal(step).label("step")))
        if not steps:
            return None, None
        found = union_all(*steps).subquery()
        rows = session.execute(
            select(Ticket, found.c.step)
            .join(found, found.c.id == Ticket.id)
            .options(raiseload("*"))
        ).all()
    beside = {step: ticket for ticket, step in rows}
    return beside.get(-1), beside.get(1)


def _read_page(
    session: Session,
    query: TicketQuery,
    conditions: Sequence[ColumnElement[bool]],
    priorities: Sequence[PriorityChoice],
    size: int,
) -> PageOfRows[Ticket]:
    keyset = SORTS[query.sort_name]
    place = read_place(keyset, after=query.after, before=query.before)
    statement = _page_ids(query, conditions, place, priorities, size)
    if statement is None:
        return PageOfRows([])
    ids = list(session.scalars(statement))
    return page_of(load_tickets(session, ids[:size]), keyset, place, has_more=len(ids) > size)


def _group(
    session: Session,
    query: TicketQuery,
    rows: Sequence[Ticket],
    conditions: Sequence[ColumnElement[bool]],
    *,
    has_groups: bool,
) -> list[TicketGroup]:
    if not has_groups:
        return [TicketGroup([ticket]) for ticket in rows]
    narrowed = [in_tab(query.is_closed), *conditions]
    return group_tickets(session, rows, narrowed, SORTS[query.sort_name])


def _page_ids(
    query: TicketQuery,
    conditions: Sequence[ColumnElement[bool]],
    place: Place,
    priorities: Sequence[PriorityChoice],
    size: int,
) -> Select[int] | None:
    """SQL for the ids of `size` tickets and one more from `place` on; None if there can be none."""
    narrowed = [in_tab(query.is_closed), *conditions]
    if query.sort_name == BY_PRIORITY and not query.has_text:
        return _ids_by_priority(narrowed, place, priorities, size)
    return _ids(narrowed, SORTS[query.sort_name], place, size)


def _ids(
    conditions: Sequence[ColumnElement[bool]], keyset: Keyset, place: Place, size: int
) -> Select[int]:
    statement = select(Ticket.id).where(*conditions)
    if keyset is SORTS[BY_PRIORITY]:
        statement = statement.join(Ticket.priority)
    if place.values:
        statement = statement.where(keyset.beyond(place.values, reverse=place.is_backwards))
    return statement.order_by(*keyset.clauses(reverse=place.is_backwards)).limit(size + 1)


def _ids_by_priority(
    conditions: Sequence[ColumnElement[bool]],
    place: Place,
    priorities: Sequence[PriorityChoice],
    size: int,
) -> Select[int] | None:
    """SQL that takes the first ids of each priority from an index, then the first of all these."""
    within = Keyset(NEWEST, HIGHEST_ID)
    branches = []
    for priority in priorities:
        branch = select(
            Ticket.id.label("id"),
            literal(priority.position).label("position"),
            Ticket.reported_at.label("reported_at"),
        ).where(Ticket.priority_id == priority.id, *conditions)
        if place.values:
            position, *rest = place.values
            is_before = (
                priority.position > position
                if place.is_backwards
                else (priority.position < position)
            )
            if is_before:
                continue
            if priority.position == position:
                branch = branch.where(within.beyond(rest, reverse=place.is_backwards))
        first = branch.order_by(*within.clauses(reverse=place.is_backwards)).limit(size + 1)
        branches.append(select(first.subquery()))
    if not branches:
        return None
    found = union_all(*branches).subquery()
    if place.is_backwards:
        columns = (found.c.position.desc(), found.c.reported_at.asc(), found.c.id.asc())
    else:
        columns = (found.c.position.asc(), found.c.reported_at.desc(), found.c.id.desc())
    return select(found.c.id).order_by(*columns).limit(size + 1)


def _count(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
) -> tuple[int, int]:
    """The numbers of open and closed tickets, each counted up to one more than `limit`."""
    counts = [
        select(func.count())
        .select_from(
            select(Ticket.id)
            .where(in_tab(is_closed), *conditions, is_no_drill())
            .limit(limit + 1)
            .subquery()
        )
        .scalar_subquery()
        for is_closed in (False, True)
    ]
    open_count, closed_count = session.execute(select(*counts)).one()
    return open_count, closed_count


def _count_found(
    session: Session, query: TicketQuery, here: Matches, there: Matches
) -> tuple[int, int]:
    """The numbers of open and closed tickets that a search finds, up to one more than MATCH_LIMIT.

    Found were `here` in the tab that is shown, and `there` in the other. Drills do not count.
    """
    every = [*here.ids, *there.ids]
    drills: set[int] = set()
    if every:
        drills.update(session.scalars(select(Ticket.id).where(is_among(every), ~is_no_drill())))
    counts = [len(set(one.ids) - drills) + one.is_cut for one in (here, there)]
    if here.is_cut or query.below_id is not None:
        counts[0] = MATCH_LIMIT + 1
    open_count, closed_count = reversed(counts) if query.is_closed else counts
    return open_count, closed_count
