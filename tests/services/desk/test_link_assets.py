"""Tickets are linked to the machine they are about where that is beyond doubt."""

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.rows import add, all_rows, change
from webapp.models import Asset, ExternalEntityMapping, TicketAsset
from webapp.services.desk.link_assets import choose_asset, hostname_key
from webapp.services.transactions import reading

ID = 1_780_001


def add_asset(client_id: int, name: str, serial_number: str | None = None) -> int:
    asset = Asset(
        client_id=client_id, name=name, hostname_key=hostname_key(name), serial_number=serial_number
    )
    return add(asset).id


def linked(desk: Desk, incident_id: int) -> list[int]:
    """The ids of the assets that the incident's ticket is linked to."""
    ticket = desk.ticket(incident_id)
    with reading() as session:
        return [
            row.asset_id
            for row in session.query(TicketAsset).filter(TicketAsset.ticket_id == ticket.id)
        ]


def report(desk: Desk, incident_id: int, hostname: str, **fields: object) -> int:
    """A new agent of organization 7 with an incident, polled; returns the agent's id."""
    agent = desk.account.add_agent(7, hostname, **fields)
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=agent["id"], id=incident_id)
    assert desk.poll().is_success
    return agent["id"]


@pytest.fixture
def client_id(desk: Desk) -> int:
    client = desk.add_client("Globex")
    desk.account.add_organization("Globex", id=7)
    desk.map(7, client)
    return client


@both_databases
def test_the_one_asset_of_that_hostname_is_linked_whatever_its_case(
    desk: Desk, client_id: int
) -> None:
    asset = add_asset(client_id, "ws-Straße-01")
    add_asset(client_id, "WS-STRASSE-02")
    agent = report(desk, ID, "WS-STRAßE-01")
    assert linked(desk, ID) == [asset]
    [entity] = all_rows(ExternalEntityMapping)
    assert (entity.entity_type, entity.external_id) == ("agent", str(agent))
    assert (entity.realm, entity.hostname) == ("7", "WS-STRAßE-01")
    assert (entity.asset_id, entity.synced_at) == (asset, desk.clock.now())


@both_databases
def test_a_reinstalled_agent_is_just_another_row(desk: Desk, client_id: int) -> None:
    """Trap 5: a one-to-one key on the asset failed every incident of a reinstalled agent."""
    asset = add_asset(client_id, "WS-01")
    first = report(desk, ID, "WS-01")
    desk.account.remove_agent(first)
    second = report(desk, ID + 1, "WS-01")
    assert first != second
    entities = all_rows(ExternalEntityMapping)
    assert [row.external_id for row in entities] == [str(first), str(second)]
    assert [row.asset_id for row in entities] == [asset, asset]
    assert linked(desk, ID) == linked(desk, ID + 1) == [asset]
    assert desk.inbox() == []


def test_of_several_the_serial_number_decides(desk: Desk, client_id: int) -> None:
    add_asset(client_id, "WS-01", "SN-1")
    second = add_asset(client_id, "WS-01", "sn-2 ")
    report(desk, ID, "WS-01", serial_number="SN-2")
    assert linked(desk, ID) == [second]


@pytest.mark.parametrize("serial", [None, "", "SN-3"])
def test_without_a_serial_number_that_fits_none_is_linked(
    desk: Desk, client_id: int, serial: str | None
) -> None:
    add_asset(client_id, "WS-01", "SN-1")
    add_asset(client_id, "WS-01", "")
    report(desk, ID, "WS-01", serial_number=serial)
    assert linked(desk, ID) == []
    assert all_rows(ExternalEntityMapping) == []


@both_databases
def test_an_inactive_asset_is_not_linked(desk: Desk, client_id: int) -> None:
    retired = add_asset(client_id, "WS-01")
    change(Asset, retired, is_active=False)
    report(desk, ID, "WS-01")
    assert linked(desk, ID) == []
    successor = add_asset(client_id, "WS-01")
    report(desk, ID + 1, "WS-01")
    assert linked(desk, ID + 1) == [successor]


def test_another_clients_machine_of_that_name_is_not_linked(desk: Desk, client_id: int) -> None:
    other = desk.add_client("Initech")
    add_asset(other, "DC-01")
    report(desk, ID, "DC-01")
    assert linked(desk, ID) == []
    own = add_asset(client_id, "DC-01")
    report(desk, ID + 1, "DC-01")
    assert linked(desk, ID + 1) == [own]


def test_a_ticket_on_the_fallback_client_is_linked_to_nothing(desk: Desk, client_id: int) -> None:
    add_asset(desk.connection().fallback_client_id, "WS-01")
    desk.map(7, None)
    report(desk, ID, "WS-01")
    assert linked(desk, ID) == []


@both_databases
def test_many_tickets_of_a_batch_are_linked_each_to_its_own(desk: Desk, client_id: int) -> None:
    assets = [add_asset(client_id, f"WS-{number}") for number in range(4)]
    for number in range(4):
        agent = desk.account.add_agent(7, f"ws-{number}", id=900 + number)
        for copy in range(2):
            desk.account.add_incident(
                7, now=desk.clock.now(), agent_id=agent["id"], id=10 * number + copy + 1
            )
    desk.poll()
    for number, asset in enumerate(assets):
        for copy in range(2):
            assert linked(desk, 10 * number + copy + 1) == [asset]
    assert desk.count(ExternalEntityMapping) == 4


def test_an_agent_that_is_another_machine_by_now_moves_its_row(desk: Desk, client_id: int) -> None:
    first, second = add_asset(client_id, "WS-01"), add_asset(client_id, "WS-02")
    agent = report(desk, ID, "WS-01")
    desk.account.agent_rows[agent]["hostname"] = "WS-02"
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=agent, id=ID + 1)
    desk.poll(minutes=25 * 60)
    assert (linked(desk, ID), linked(desk, ID + 1)) == ([first], [second])
    [entity] = all_rows(ExternalEntityMapping)
    assert (entity.asset_id, entity.hostname) == (second, "WS-02")


def test_choosing_needs_certainty() -> None:
    def assets(*serials: str | None) -> list[Asset]:
        return [Asset(name="WS-01", serial_number=serial) for serial in serials]

    assert choose_asset([], "SN-1") is None
    one = assets(None)
    assert choose_asset(one, "SN-1") is one[0]
    two = assets("SN-1", "SN-2")
    assert choose_asset(two, " sn-2") is two[1]
    assert choose_asset(two, None) is None
    assert choose_asset(assets("SN-1", "SN-1"), "SN-1") is None
