"""Linking tickets to the assets they are about.

A Huntress agent belongs to the active asset of the mapped client that has the agent's hostname,
regardless of case. If several assets have it, the serial number decides. If that does not decide,
there is no link. A reinstalled agent has a new id for the same machine; it gets another row in
external_entity_mappings.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import case, insert, select, tuple_, update
from sqlalchemy.orm import Session

from webapp.models import Alert, Asset, ExternalEntityMapping, HuntressAgent, TicketAsset
from webapp.models.columns import NAME_LENGTH
from webapp.services.transactions import NO_SYNC

ENTITY_AGENT = "agent"


def hostname_key(name: str) -> str:
    """The form of a hostname in which hostnames are compared."""
    return name.strip().casefold()[:NAME_LENGTH]


def choose_asset(assets: list[Asset], serial_number: str | None) -> Asset | None:
    """The matching asset among those with the same hostname, or None if that is in doubt."""
    if len(assets) == 1:
        return assets[0]
    serial = (serial_number or "").strip().casefold()
    same = [a for a in assets if serial and (a.serial_number or "").strip().casefold() == serial]
    return same[0] if len(same) == 1 else None


class AssetLinker:
    """Collects the new tickets of a batch and links them with a few statements."""

    def __init__(self, session: Session, connection_id: int, now: datetime) -> None:
        self._session = session
        self._connection_id = connection_id
        self._now = now
        self._wanted: list[tuple[int, int, HuntressAgent]] = []

    def add(self, ticket_id: int, client_id: int, agent: HuntressAgent) -> None:
        """Note that a new ticket of `client_id` is about `agent`; write() links it."""
        if agent.hostname and agent.unknown_since is None:
            self._wanted.append((ticket_id, client_id, agent))

    def write(self) -> None:
        """Write the links for every agent whose asset is certain; the alerts must be written."""
        if not self._wanted:
            return
        assets = self._assets()
        links: set[tuple[int, int]] = set()
        agents: dict[str, tuple[HuntressAgent, Asset]] = {}
        for ticket_id, client_id, agent in self._wanted:
            candidates = assets.get((client_id, hostname_key(agent.hostname or "")), [])
            asset = choose_asset(candidates, agent.serial_number)
            if asset is not None:
                links.add((ticket_id, asset.id))
                agents[agent.external_id] = (agent, asset)
        self._write_links(links)
        self._write_entities(agents)

    def _assets(self) -> dict[tuple[int, str], list[Asset]]:
        keys = {(client, hostname_key(agent.hostname or "")) for _, client, agent in self._wanted}
        found: defaultdict[tuple[int, str], list[Asset]] = defaultdict(list)
        for asset in self._session.scalars(
            select(Asset).where(
                Asset.is_active,
                tuple_(Asset.client_id, Asset.hostname_key).in_(sorted(keys)),
            )
        ):
            found[asset.client_id, asset.hostname_key].append(asset)
        return found

    def _write_links(self, links: set[tuple[int, int]]) -> None:
        if not links:
            return
        existing = {
            (row.ticket_id, row.asset_id)
            for row in self._session.execute(
                select(TicketAsset.ticket_id, TicketAsset.asset_id).where(
                    TicketAsset.ticket_id.in_({ticket for ticket, _ in links})
                )
            )
        }
        new = [{"ticket_id": t, "asset_id": a} for t, a in sorted(links - existing)]
        if new:
            self._session.execute(insert(TicketAsset), new)
        self._note_on_alerts(dict(sorted(links)))

    def _note_on_alerts(self, links: Mapping[int, int]) -> None:
        """Record on the incidents of the tickets which asset was found last."""
        self._session.execute(
            update(Alert)
            .where(Alert.ticket_id.in_(links))
            .values(asset_id=case(links, value=Alert.ticket_id)),
            execution_options=NO_SYNC,
        )

    def _write_entities(self, agents: dict[str, tuple[HuntressAgent, Asset]]) -> None:
        if not agents:
            return
        existing = {
            row.external_id: row
            for row in self._session.scalars(
                select(ExternalEntityMapping).where(
                    ExternalEntityMapping.connection_id == self._connection_id,
                    ExternalEntityMapping.entity_type == ENTITY_AGENT,
                    ExternalEntityMapping.external_id.in_(agents),
                )
            )
        }
        for external_id, (agent, asset) in agents.items():
            row = existing.get(external_id)
            if row is None:
                row = ExternalEntityMapping(
                    connection_id=self._connection_id,
                    entity_type=ENTITY_AGENT,
                    external_id=external_id,
                )
                self._session.add(row)
            row.realm = agent.organization_external_id
            row.hostname = agent.hostname
            row.asset_id = asset.id
            row.synced_at = self._now
