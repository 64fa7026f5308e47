"""Creating assets from the hosts that Huntress named, when a person asks for it.

The cached agents never become assets by themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.known_hosts import Host, find_new_hosts
from webapp.models import (
    Alert,
    Asset,
    Client,
    Connection,
    HuntressAgent,
    OrganizationMapping,
    Ticket,
    TicketAsset,
)
from webapp.models.columns import NAME_LENGTH
from webapp.services.desk.edit_rows import record_added
from webapp.services.desk.link_assets import AssetLinker, hostname_key
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError, RefusedError
from webapp.services.transactions import reading, transaction


@dataclass(frozen=True, slots=True)
class ClientHosts:
    """A client's known hosts: those that would become assets, and how many are assets already."""

    client_id: int
    client: str
    new: Sequence[Host]
    existing: int


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The known hosts by client.

    `elsewhere` counts the hosts of organizations without an active client. `seal` differs as soon
    as other assets would be created.
    """

    clients: Sequence[ClientHosts]
    elsewhere: int
    seal: str


@dataclass(frozen=True, slots=True)
class CreatedAssets:
    """How many assets were created, and how many open tickets are linked to one now."""

    created: int
    linked: int


def read_known_hosts() -> KnownHosts:
    """Return what creating assets from the known hosts would do; raises EditionError."""
    require_enterprise()
    with reading() as session:
        return _plan(session)


def create_assets(
    client_ids: Collection[int], *, seal: str, actor_id: int | None = None
) -> CreatedAssets:
    """Create an asset for each new host of these clients, as the page with `seal` showed them.

    Open tickets about these hosts that have no asset are linked, by the rule of a poll. Raises
    ConflictError where other assets would be created by now, RefusedError where there is none to
    create, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        for model in (Connection, Client):  # no poll, import or person adds assets meanwhile
            session.execute(select(model.id).order_by(model.id).with_for_update())
        found = _plan(session)
        if found.seal != seal:
            raise ConflictError(
                "The known hosts changed since this page was shown. Nothing was created; this is "
                "how it is now."
            )
        chosen = [one for one in found.clients if one.client_id in client_ids]
        hosts = [host for one in chosen for host in one.new]
        if not hosts:
            raise RefusedError("Nothing was created: choose a client that has new hosts.")
        _insert(session, hosts, actor_id)
        return CreatedAssets(len(hosts), _link(session, {one.client_id for one in chosen}))


def _plan(session: Session) -> KnownHosts:
    known, elsewhere = _known_hosts(session)
    counts = Counter(host.client_id for host in known)
    clients = session.execute(
        select(Client.id, Client.name)
        .where(Client.id.in_(counts))
        .order_by(func.lower(Client.name))
    ).all()
    stored = session.execute(
        select(Asset.client_id, Asset.name, Asset.serial_number).where(Asset.client_id.in_(counts))
    )
    new = find_new_hosts(known, [Host(*row) for row in stored])
    told = "\n".join(f"{one.client_id}|{one.name}|{one.serial_number}" for one in new)
    by_client: defaultdict[int, list[Host]] = defaultdict(list)
    for host in new:
        by_client[host.client_id].append(host)
    rows = [
        ClientHosts(row.id, row.name, by_client[row.id], counts[row.id] - len(by_client[row.id]))
        for row in clients
    ]
    return KnownHosts(rows, elsewhere, sha256(told.encode()).hexdigest())


def _known_hosts(session: Session) -> tuple[list[Host], int]:
    """The hosts of organizations with an active client, newest first; how many others there are."""
    rows = session.execute(
        select(
            HuntressAgent.hostname,
            HuntressAgent.serial_number,
            Client.id.label("client_id"),
            OrganizationMapping.creates_tickets,
        )
        .outerjoin(
            OrganizationMapping,
            (OrganizationMapping.connection_id == HuntressAgent.connection_id)
            & (OrganizationMapping.external_id == HuntressAgent.organization_external_id)
            & OrganizationMapping.gone_at.is_(None),
        )
        .outerjoin(Client, (Client.id == OrganizationMapping.client_id) & Client.is_active)
        .where(HuntressAgent.hostname.is_not(None), HuntressAgent.unknown_since.is_(None))
        .order_by(HuntressAgent.fetched_at.desc(), HuntressAgent.id.desc())
    ).all()
    known = [
        Host(row.client_id, row.hostname[:NAME_LENGTH], (row.serial_number or "")[:NAME_LENGTH])
        for row in rows
        if row.client_id is not None and row.creates_tickets
    ]
    return known, len(rows) - len(known)


def _insert(session: Session, hosts: Sequence[Host], actor_id: int | None) -> None:
    values = [
        {
            "client_id": host.client_id,
            "name": host.name,
            "serial_number": host.serial_number or None,
        }
        for host in hosts
    ]
    rows = [Asset(**one, hostname_key=hostname_key(str(one["name"]))) for one in values]
    session.add_all(rows)
    session.flush()
    for row, one in zip(rows, values, strict=True):
        record_added(session, row, one, actor_id)


def _link(session: Session, client_ids: Collection[int]) -> int:
    """Link the open tickets of these clients that have no asset; return how many have one now."""
    has_asset = exists().where(TicketAsset.ticket_id == Ticket.id)
    found = session.execute(
        select(Ticket.id, Ticket.client_id, HuntressAgent)
        .join(Alert, Alert.ticket_id == Ticket.id)
        .join(
            HuntressAgent,
            (HuntressAgent.connection_id == Alert.connection_id)
            & (HuntressAgent.external_id == Alert.agent_external_id),
        )
        .where(Ticket.client_id.in_(client_ids), Ticket.closed_at.is_(None), ~has_asset)
        .order_by(Ticket.id)
    ).all()
    linkers: dict[int, AssetLinker] = {}
    for ticket_id, client_id, agent in found:
        key = agent.connection_id
        linker = linkers.setdefault(key, AssetLinker(session, key, clock.utcnow()))
        linker.add(ticket_id, client_id, agent)
    for linker in linkers.values():
        linker.write()
    session.flush()
    tickets = select(TicketAsset.ticket_id).where(
        TicketAsset.ticket_id.in_([row[0] for row in found])
    )
    return len(set(session.scalars(tickets)))
