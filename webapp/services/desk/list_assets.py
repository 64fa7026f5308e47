"""The list of assets and the page of one asset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload, with_expression

from webapp.domain.search_query import SEARCH_LENGTH
from webapp.models import Alert, Asset, Client, Ticket, TicketAsset
from webapp.services.desk.delete_guard import Holder, find_holders
from webapp.services.desk.edit_assets import asset_version
from webapp.services.list_sizes import EXPORT_BATCH, PAGE_SIZE
from webapp.services.lookups import get_row
from webapp.services.numbered_pages import NumberedPage, clamp_page
from webapp.services.transactions import reading

TICKETS_SHOWN = 10
_ORDER = (Asset.hostname_key, Asset.id)


@dataclass(frozen=True, slots=True)
class AssetQuery:
    """The filters and the page number of the list of assets."""

    search: str = ""
    client_id: int | None = None
    is_active: bool = True
    page: int = 1


@dataclass(frozen=True, slots=True)
class AssetList:
    """One page of assets, and the clients to filter by.

    The counts follow the search and the client, but not `is_active`.
    """

    page: NumberedPage[Asset]
    active_count: int
    inactive_count: int
    clients: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class AssetView:
    """An asset with its newest tickets; an edit passes `version` back; `holders` point to it."""

    asset: Asset
    version: str
    holders: Sequence[Holder]
    tickets: Sequence[Ticket]


def list_assets(query: AssetQuery, *, page_size: int = PAGE_SIZE) -> AssetList:
    """The page of assets that `query` asks for, by hostname, and all clients that have assets."""
    with reading() as session:
        counts = _count_by_state(session, query)
        total = counts.get(query.is_active, 0)
        number = clamp_page(query.page, total, page_size)
        found = session.scalars(
            select(Asset)
            .where(Asset.is_active.is_(query.is_active), *_matches(query))
            .options(joinedload(Asset.client))
            .order_by(*_ORDER)
            .limit(page_size)
            .offset((number - 1) * page_size)
            .execution_options(populate_existing=True)
        ).all()
        with_assets = Client.id.in_(select(Asset.client_id))
        clients = session.execute(
            select(Client.id, Client.name).where(with_assets).order_by(func.lower(Client.name))
        )
        return AssetList(
            NumberedPage(found, number, total, page_size),
            active_count=counts.get(True, 0),
            inactive_count=counts.get(False, 0),
            clients=[(row.id, row.name) for row in clients],
        )


def read_asset(asset_id: int) -> AssetView:
    """The asset and the newest tickets about it; raises NotFoundError."""
    with reading() as session:
        row = get_row(session, Asset, asset_id, f"There is no asset {asset_id}.")
        found = session.scalars(
            select(Ticket)
            .join(TicketAsset, TicketAsset.ticket_id == Ticket.id)
            .outerjoin(Alert, Alert.ticket_id == Ticket.id)
            .where(TicketAsset.asset_id == asset_id)
            .options(joinedload(Ticket.status), with_expression(Ticket.kinds, Alert.kinds))
            .order_by(Ticket.id.desc())
            .limit(TICKETS_SHOWN)
            .execution_options(populate_existing=True)
        )
        return AssetView(
            asset=row,
            version=asset_version(row),
            holders=find_holders(session, Asset, asset_id),
            tickets=found.unique().all(),
        )


def export_assets() -> Iterator[list[object]]:
    """The header and every asset as cells of a CSV file, which can be imported again."""
    yield ["Client", "Hostname", "Serial number", "Type", "Asset tag", "Active"]
    last_id = 0
    while batch := _read_batch(last_id):
        for row in batch:
            active = "yes" if row.is_active else "no"
            yield [row.client.name, row.name, row.serial_number, row.type, row.asset_tag, active]
        last_id = batch[-1].id


def _read_batch(last_id: int) -> Sequence[Asset]:
    query = select(Asset).where(Asset.id > last_id).options(joinedload(Asset.client))
    with reading() as session:
        return session.scalars(query.order_by(Asset.id).limit(EXPORT_BATCH)).all()


def _matches(query: AssetQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.client_id is not None:
        conditions.append(Asset.client_id == query.client_id)
    search = query.search.strip()[:SEARCH_LENGTH]
    if search:
        columns = (Asset.name, Asset.serial_number, Asset.asset_tag)
        conditions.append(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return conditions


def _count_by_state(session: Session, query: AssetQuery) -> dict[bool, int]:
    counted = select(Asset.is_active, func.count()).where(*_matches(query))
    found = session.execute(counted.group_by(Asset.is_active))
    return {bool(is_active): count for is_active, count in found}
