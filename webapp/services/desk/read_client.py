"""One client with everything that its page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp.models import Asset, Client, Connection, OrganizationMapping, Status, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.desk.delete_guard import Holder, find_holders
from webapp.services.desk.edit_clients import KIND, client_version
from webapp.services.desk.edit_rows import last_change
from webapp.services.lookups import get_row
from webapp.services.transactions import reading

ASSETS_SHOWN = 10
ORGANIZATIONS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class MappedOrganization:
    """A Huntress organization whose incidents become this client's tickets."""

    name: str
    connection_name: str
    creates_tickets: bool


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client and what belongs to it; an edit passes `version` back; `holders` point to it."""

    client: Client
    version: str
    holders: Sequence[Holder]
    organizations: Sequence[MappedOrganization]
    organization_count: int
    assets: Sequence[Asset]
    asset_count: int
    open_tickets: int
    closed_tickets: int
    changed_at: datetime | None
    changed_by: str | None

    @property
    def routing(self) -> Sequence[Holder]:
        """The routing that points to the client; with any, the client cannot be deactivated."""
        return [holder for holder in self.holders if holder.is_routing]


def read_client(client_id: int) -> ClientView:
    """The client with its organizations, assets and tickets; raises NotFoundError."""
    with reading() as session:
        row = get_row(session, Client, client_id, f"There is no client {client_id}.")
        tickets = _tickets(session, client_id)
        change = last_change(session, KIND, client_id)
        asset_query = select(Asset).where(Asset.client_id == client_id, Asset.is_active)
        return ClientView(
            client=row,
            version=client_version(row),
            holders=find_holders(session, Client, client_id),
            organizations=_organizations(session, client_id),
            organization_count=_count(session, OrganizationMapping.client_id == client_id),
            assets=session.scalars(
                asset_query.order_by(Asset.hostname_key, Asset.id).limit(ASSETS_SHOWN)
            ).all(),
            asset_count=_count(session, Asset.client_id == client_id, Asset.is_active.is_(True)),
            open_tickets=tickets.get(False, 0),
            closed_tickets=tickets.get(True, 0),
            changed_at=change[1] if change else None,
            changed_by=change[0] if change else None,
        )


def _organizations(session: Session, client_id: int) -> list[MappedOrganization]:
    query = (
        select(
            OrganizationMapping.name,
            Connection.name.label("connection_name"),
            OrganizationMapping.creates_tickets,
        )
        .join(Connection, Connection.id == OrganizationMapping.connection_id)
        .where(OrganizationMapping.client_id == client_id)
        .order_by(func.lower(OrganizationMapping.name))
        .limit(ORGANIZATIONS_SHOWN)
    )
    return [
        MappedOrganization(row.name, row.connection_name, row.creates_tickets)
        for row in session.execute(query)
    ]


def _tickets(session: Session, client_id: int) -> dict[bool, int]:
    """The number of open (False) and closed (True) tickets, without drills."""
    query = (
        select(Status.is_closed, func.count())
        .select_from(Ticket)
        .join(Ticket.status)
        .where(Ticket.client_id == client_id, is_no_drill())
        .group_by(Status.is_closed)
    )
    return {bool(is_closed): count for is_closed, count in session.execute(query)}


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0
