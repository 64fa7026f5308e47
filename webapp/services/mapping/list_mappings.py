"""Reading the mapping table a page at a time; the database filters, counts and sorts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Text, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session, contains_eager, raiseload

from webapp.models import Client, Connection, OrganizationMapping
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError
from webapp.services.lookups import get_connection
from webapp.services.mapping.map_organizations import MappingState, OrganizationRow, as_row
from webapp.services.mapping.suggest_clients import SimilarClients
from webapp.services.transactions import reading

PAGE_SIZES = (50, 100)
GONE: Final = "gone"
"""The tab of organizations that Huntress no longer has; the other tabs leave them out."""

_EMPTY_JSON = ("null", "[]")
_BY_NAME = (func.lower(OrganizationMapping.name), OrganizationMapping.id)
_CLIENT_NAME = func.lower(Client.name)
_LAST = OrganizationMapping.last_incident_at
SORTS: dict[str, tuple[Any, ...]] = {
    "name": _BY_NAME,
    "name-down": (func.lower(OrganizationMapping.name).desc(), OrganizationMapping.id.desc()),
    "client": (Client.id.is_(None), _CLIENT_NAME, *_BY_NAME),
    "client-down": (Client.id.is_(None), _CLIENT_NAME.desc(), *_BY_NAME),
    "last": (_LAST.is_(None), _LAST.desc(), *_BY_NAME),
    "last-down": (_LAST.is_(None), _LAST, *_BY_NAME),
}
"""The orders of the table; each ends with a unique column, so that pages are stable."""


@dataclass(frozen=True, slots=True)
class MappingQuery:
    """The part of the table to show; `tab` is a MappingState, GONE or None for everything.

    `only` is the id of the one organization to show.
    """

    search: str = ""
    tab: MappingState | str | None = None
    sort: str = "name"
    page: int = 1
    size: int = PAGE_SIZES[0]
    only: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether the search or the tab may hide rows."""
        return bool(self.search or self.tab or self.only)


@dataclass(frozen=True, slots=True)
class MappingPage:
    """One page of the table.

    `counts` are those of the search for each tab; `total` is that of search and tab together.
    `client_names` are the clients that can be chosen. `suggestions` holds up to three similar names
    by organization id, for rows without a client. `seal` names all rows of the query, on this and
    other pages, as they are now; see select_all. `has_clients` says whether there is any client
    but those that routing falls back to.
    """

    connection: Connection
    rows: Sequence[OrganizationRow]
    counts: dict[str, int]
    total: int
    page: int
    pages: int
    client_names: Sequence[str]
    seal: str
    has_clients: bool
    suggestions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def count_of_waiting(self) -> int:
        """The number of rows that match the search and wait for a client."""
        return self.counts[MappingState.UNMAPPED] + self.counts[MappingState.AMBIGUOUS]

    @property
    def count_of_all(self) -> int:
        """The number of all rows that match the search."""
        return sum(self.counts.values())


def list_mappings(
    connection_id: int, query: MappingQuery, *, only: Sequence[str] | None = None
) -> MappingPage:
    """Return the page that `query` asks for; a page number beyond the last gives the last page.

    With `only` it holds the rows of these organization ids in their order instead. This shows the
    rows of a form that was sent again, even if the query no longer finds them. Raises
    NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        connection = get_connection(session, connection_id)
        counts = count_tabs(session, connection_id, query)
        total = sum(counts.values()) if query.tab is None else counts[str(query.tab)]
        total = min(total, 1) if query.only else total
        pages = max(1, -(-total // query.size))
        page = min(query.page, pages)
        shown = select_mappings(connection_id, query)
        if only is None:
            shown = shown.limit(query.size).offset((page - 1) * query.size)
        else:
            shown = select_mappings(connection_id, MappingQuery())
            shown = shown.where(OrganizationMapping.external_id.in_(only))
        rows = with_candidates(session, session.scalars(shown).all())
        if only is not None:
            rows.sort(key=lambda row: only.index(row.mapping.external_id))
        clients = _active_clients(session)
        seal = _seal(session, connection_id, query)
        has_clients = _has_clients(session)
    similar = SimilarClients(clients)
    suggestions = {
        row.mapping.external_id: found
        for row in rows
        if needs_client(row) and (found := similar.suggest(row.mapping.name))
    }
    return MappingPage(
        connection, rows, counts, total, page, pages, clients, seal, has_clients, suggestions
    )


def select_all(
    connection_id: int, query: MappingQuery, *, seal: str | None = None
) -> dict[str, int]:
    """Return the versions of all rows that `query` finds, on all pages, by organization id.

    With the `seal` of a page that was shown, raises ConflictError where the rows are not the same
    ones in the same versions any more. Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        get_connection(session, connection_id)
        if seal is not None and seal != _seal(session, connection_id, query):
            raise ConflictError(
                "Nothing was done yet: some of these organizations changed since the page was "
                "shown. Check them, then do it again."
            )
        rows = session.execute(
            _of_query(
                connection_id, query, OrganizationMapping.external_id, OrganizationMapping.version
            ).order_by(*SORTS[query.sort])
        )
        return {row.external_id: row.version for row in rows}


def _seal(session: Session, connection_id: int, query: MappingQuery) -> str:
    """A short text that differs as soon as a row comes, goes or changes its version."""
    found: Row[int, int, int] = session.execute(
        _of_query(
            connection_id,
            query,
            func.count(),
            func.sum(OrganizationMapping.id),
            func.sum(OrganizationMapping.version),
        )
    ).one()
    return "-".join(str(number or 0) for number in found)


def _of_query(connection_id: int, query: MappingQuery, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(OrganizationMapping)
        .outerjoin(OrganizationMapping.client)
        .where(*_conditions(connection_id, query))
    )


def select_mappings(connection_id: int, query: MappingQuery) -> Select[OrganizationMapping]:
    """Return the query for all rows of `query`, in its order, with their clients, on all pages."""
    return (
        select(OrganizationMapping)
        .outerjoin(OrganizationMapping.client)
        .where(*_conditions(connection_id, query))
        .order_by(*SORTS[query.sort])
        .options(contains_eager(OrganizationMapping.client), raiseload("*"))
        .execution_options(populate_existing=True)
    )


def state_sql() -> ColumnElement[str]:
    """Return the rule of `mapping_state` as SQL, for rows joined to their clients."""
    is_routed = and_(Client.id.is_not(None), Client.is_active)
    candidates = cast(OrganizationMapping.candidate_ids, Text)
    is_ambiguous = and_(
        OrganizationMapping.client_id.is_(None),
        OrganizationMapping.candidate_ids.is_not(None),
        candidates.not_in(_EMPTY_JSON),
    )
    return case(
        (OrganizationMapping.creates_tickets.is_(False), MappingState.EXCLUDED.value),
        (and_(is_routed, OrganizationMapping.is_auto_matched), MappingState.AUTO_MATCHED.value),
        (is_routed, MappingState.MAPPED.value),
        (is_ambiguous, MappingState.AMBIGUOUS.value),
        else_=MappingState.UNMAPPED.value,
    )


def count_tabs(session: Session, connection_id: int, query: MappingQuery) -> dict[str, int]:
    """Return how many rows each tab has with this search, including empty tabs."""
    tab = case((OrganizationMapping.gone_at.is_not(None), GONE), else_=state_sql())
    found = session.execute(
        select(tab, func.count())
        .select_from(OrganizationMapping)
        .outerjoin(OrganizationMapping.client)
        .where(*_conditions(connection_id, replace(query, tab=None, only=None)))
        .group_by(tab)
    )
    return {
        **dict.fromkeys([*map(str, MappingState), GONE], 0),
        **{row[0]: row[1] for row in found},
    }


def with_candidates(
    session: Session, mappings: Sequence[OrganizationMapping]
) -> list[OrganizationRow]:
    """Return the rows with their states, and with the possible clients of ambiguous rows."""
    wanted = {key for mapping in mappings for key in mapping.candidate_ids or ()}
    found = session.scalars(select(Client).where(Client.id.in_(wanted))) if wanted else ()
    clients = {client.id: client for client in found}
    return [as_row(mapping, clients) for mapping in mappings]


def needs_client(row: OrganizationRow) -> bool:
    """Whether to suggest similar names: the row is unmapped and nobody decided against a client."""
    mapping = row.mapping
    return (
        row.state is MappingState.UNMAPPED
        and mapping.is_name_known
        and (mapping.client_id is not None or mapping.decided_by_person_at is None)
    )


def find_connection(connection_id: int) -> Connection:
    """Return the connection that the table belongs to; raises NotFoundError, EditionError."""
    require_enterprise()
    with reading() as session:
        return get_connection(session, connection_id)


def list_client_names() -> list[str]:
    """Return the names of the clients that can be chosen, sorted."""
    with reading() as session:
        return _active_clients(session)


def _has_clients(session: Session) -> bool:
    is_fallback = select(Connection.fallback_client_id).where(
        Connection.fallback_client_id.is_not(None)
    )
    query = select(Client.id).where(Client.is_active, Client.id.not_in(is_fallback)).limit(1)
    return session.scalar(query) is not None


def _active_clients(session: Session) -> list[str]:
    query = select(Client.name).where(Client.is_active).order_by(func.lower(Client.name))
    return list(session.scalars(query))


def _conditions(connection_id: int, query: MappingQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [OrganizationMapping.connection_id == connection_id]
    if query.only:
        conditions.append(OrganizationMapping.external_id == query.only)
    if query.tab == GONE:
        conditions.append(OrganizationMapping.gone_at.is_not(None))
    elif query.tab is not None:
        conditions += [OrganizationMapping.gone_at.is_(None), state_sql() == str(query.tab)]
    if query.search:
        columns = (OrganizationMapping.name, OrganizationMapping.external_id, Client.name)
        conditions.append(or_(*(one.icontains(query.search, autoescape=True) for one in columns)))
    return conditions
