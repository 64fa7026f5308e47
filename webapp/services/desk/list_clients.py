"""The list of clients, with the numbers of their tickets, organizations and assets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.search_query import SEARCH_LENGTH
from webapp.models import Asset, Client, Connection, OrganizationMapping, Status, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.counting import count_by
from webapp.services.list_sizes import EXPORT_BATCH, PAGE_SIZE
from webapp.services.numbered_pages import NumberedPage, clamp_page
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """The filters and the page number of the list of clients."""

    search: str = ""
    is_active: bool = True
    page: int = 1


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client with the number of its open tickets, mapped organizations and active assets."""

    id: int
    name: str
    external_reference: str | None
    is_fallback: bool
    open_tickets: int
    organizations: int
    assets: int


@dataclass(frozen=True, slots=True)
class ClientList:
    """One page of clients; the counts follow the search, but not `is_active`."""

    page: NumberedPage[ClientRow]
    active_count: int
    inactive_count: int


def list_clients(query: ClientQuery, *, page_size: int = PAGE_SIZE) -> ClientList:
    """The page of clients that `query` asks for, by name."""
    with reading() as session:
        counts = _count_by_state(session, query)
        total = counts.get(query.is_active, 0)
        number = clamp_page(query.page, total, page_size)
        found = session.scalars(
            select(Client)
            .where(Client.is_active.is_(query.is_active), *_matches(query))
            .order_by(func.lower(Client.name), Client.id)
            .limit(page_size)
            .offset((number - 1) * page_size)
            .execution_options(populate_existing=True)
        ).all()
        return ClientList(
            NumberedPage(_rows(session, found), number, total, page_size),
            active_count=counts.get(True, 0),
            inactive_count=counts.get(False, 0),
        )


def list_client_choices(*, kept_id: int | None = None) -> list[tuple[int, str]]:
    """The active clients as (id, name), by name; `kept_id` is included even if it is inactive."""
    with reading() as session:
        query = select(Client.id, Client.name).order_by(func.lower(Client.name), Client.id)
        wanted = or_(Client.is_active, Client.id == kept_id)
        return [(row.id, row.name) for row in session.execute(query.where(wanted))]


def export_clients() -> Iterator[list[object]]:
    """The header and every client, by name, as cells of a CSV file, which can be imported again."""
    yield ["Name", "Notes", "External reference", "Active"]
    offset = 0
    while batch := _read_batch(offset):
        for row in batch:
            active = "yes" if row.is_active else "no"
            yield [row.name, row.notes, row.external_reference, active]
        offset += len(batch)


def _read_batch(offset: int) -> Sequence[Client]:
    query = select(Client).order_by(func.lower(Client.name), Client.id).limit(EXPORT_BATCH)
    with reading() as session:
        return session.scalars(query.offset(offset)).all()


def _matches(query: ClientQuery) -> list[ColumnElement[bool]]:
    search = query.search.strip()[:SEARCH_LENGTH]
    if not search:
        return []
    return [
        or_(
            Client.name.icontains(search, autoescape=True),
            Client.external_reference.icontains(search, autoescape=True),
        )
    ]


def _count_by_state(session: Session, query: ClientQuery) -> dict[bool, int]:
    counted = select(Client.is_active, func.count()).where(*_matches(query))
    found = session.execute(counted.group_by(Client.is_active))
    return {bool(is_active): count for is_active, count in found}


def _rows(session: Session, clients: Sequence[Client]) -> list[ClientRow]:
    ids = [row.id for row in clients]
    tickets = count_by(
        session,
        select(Ticket.client_id, func.count())
        .join(Ticket.status)
        .where(Ticket.client_id.in_(ids), Status.is_closed.is_(False), is_no_drill())
        .group_by(Ticket.client_id),
    )
    organizations = count_by(
        session,
        select(OrganizationMapping.client_id, func.count())
        .where(OrganizationMapping.client_id.in_(ids))
        .group_by(OrganizationMapping.client_id),
    )
    assets = count_by(
        session,
        select(Asset.client_id, func.count())
        .where(Asset.client_id.in_(ids), Asset.is_active)
        .group_by(Asset.client_id),
    )
    fallbacks = set(session.scalars(select(Connection.fallback_client_id).distinct()))
    return [
        ClientRow(
            id=row.id,
            name=row.name,
            external_reference=row.external_reference,
            is_fallback=row.id in fallbacks,
            open_tickets=tickets.get(row.id, 0),
            organizations=organizations.get(row.id, 0),
            assets=assets.get(row.id, 0),
        )
        for row in clients
    ]
