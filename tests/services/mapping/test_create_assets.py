"""Assets from the hosts that Huntress named: previewed, never automatic, linked to open tickets."""

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.rows import add, all_rows, change, organization
from webapp.models import Asset, AuditEvent, ExternalEntityMapping, TicketAsset
from webapp.services.errors import ConflictError, RefusedError
from webapp.services.mapping.create_assets import create_assets, read_known_hosts
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.people.users import add_user
from webapp.services.transactions import reading

ACME, EXCLUDED, UNMAPPED = 7, 8, 9


@pytest.fixture
def hosts(app: Flask, desk: Desk) -> Desk:
    """Three organizations with an incident on a host each; Acme is mapped and has two."""
    for number, organization_id in enumerate((ACME, ACME, EXCLUDED, UNMAPPED), start=1):
        if number != 2:
            desk.account.add_organization(f"Org {organization_id}", id=organization_id)
        agent = desk.account.add_agent(organization_id, f"HOST-{number}")["id"]
        desk.account.add_incident(organization_id, now=desk.clock.now(), id=number, agent_id=agent)
    desk.poll()
    set_mapping(1, str(ACME), client_id=desk.add_client("Acme"))
    set_mapping(1, str(EXCLUDED), client_id=desk.add_client("Shared"), tickets=False)
    return desk


@both_databases
def test_hosts_of_mapped_organizations_become_assets(hosts: Desk) -> None:
    admin = add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")
    client_id = organization(1, ACME).client_id
    change_ticket(hosts, 1, client_id)
    change_ticket(hosts, 2, client_id, closed_at=hosts.clock.now())
    assert all_rows(Asset) == [], "the cache of agents writes none by itself"
    found = read_known_hosts()
    [acme] = found.clients
    assert [host.name for host in acme.new] == ["HOST-1", "HOST-2"]
    assert (acme.client, acme.existing, found.elsewhere) == ("Acme", 0, 2)
    result = create_assets({client_id}, seal=found.seal, actor_id=admin.id)
    assert (result.created, result.linked) == (2, 1)
    assets = all_rows(Asset)
    assert [(row.client_id, row.name) for row in assets] == [
        (client_id, "HOST-1"),
        (client_id, "HOST-2"),
    ]
    [link] = all_links()
    assert link == (hosts.ticket(1).id, assets[0].id), "the closed ticket stays as it is"
    assert [row.asset_id for row in all_rows(ExternalEntityMapping)] == [assets[0].id]
    events = all_rows(AuditEvent, AuditEvent.action == "asset.added")
    assert [event.actor_id for event in events] == [admin.id] * 2
    [acme] = read_known_hosts().clients
    assert (list(acme.new), acme.existing) == ([], 2)
    with pytest.raises(RefusedError):
        create_assets({client_id}, seal=read_known_hosts().seal)


def test_what_is_created_is_what_was_shown(hosts: Desk) -> None:
    client_id = organization(1, ACME).client_id
    seal = read_known_hosts().seal
    with pytest.raises(RefusedError):
        create_assets(set(), seal=seal)
    add(Asset(client_id=client_id, name="host-2", hostname_key="host-2"))
    with pytest.raises(ConflictError):
        create_assets({client_id}, seal=seal)
    assert len(all_rows(Asset)) == 1
    assert create_assets({client_id}, seal=read_known_hosts().seal).created == 1


def change_ticket(hosts: Desk, incident: int, client_id: int | None, **values: object) -> None:
    change(type(hosts.ticket(incident)), hosts.ticket(incident).id, client_id=client_id, **values)


def all_links() -> list[tuple[int, int]]:
    with reading() as session:
        found = session.execute(select(TicketAsset.ticket_id, TicketAsset.asset_id))
        return [(row.ticket_id, row.asset_id) for row in found]
