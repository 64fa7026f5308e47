"""Details that came late are filled in with a note; what a person wrote stays."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import asked, set_faults
from tests.support.rows import add, all_rows, change
from webapp.huntress.simulator import Fault
from webapp.models import Alert, Asset, ExternalEntityMapping, Ticket, TicketAsset
from webapp.services.desk.link_assets import hostname_key
from webapp.services.polling import fill_details as module
from webapp.services.transactions import reading

pytestmark = pytest.mark.slow

ID = 1_780_001
FETCHED = "are being fetched from Huntress"


def outage_of_details(desk: Desk) -> None:
    """Agents and organizations cannot be had from now on; incidents can."""
    set_faults(
        desk,
        on_request=lambda _n, path: (
            Fault(status=500) if path.startswith(("/v1/agents", "/v1/organizations")) else None
        ),
    )


def links(desk: Desk) -> list[tuple[int, int]]:
    with reading() as session:
        return [(row.ticket_id, row.asset_id) for row in session.query(TicketAsset)]


@pytest.fixture
def pending(desk: Desk) -> Desk:
    """A ticket of the mapped organization 7 whose host details could not be had yet."""
    client = desk.add_client("Globex")
    desk.account.add_organization("Globex", id=7)
    desk.poll()
    agent = desk.account.add_agent(7, "WS-0815", id=815)
    add(Asset(client_id=client, name="ws-0815", hostname_key=hostname_key("ws-0815")))
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=agent["id"], id=ID)
    outage_of_details(desk)
    desk.poll()
    assert FETCHED in desk.ticket(ID).description
    assert (desk.alert(ID).details_pending, links(desk)) == (True, [])
    return desk


@both_databases
def test_the_next_cycle_fills_in_what_was_missing(pending: Desk) -> None:
    desk = pending
    set_faults(desk)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    ticket = desk.ticket(ID)
    assert "**Hostname:** WS-0815" in ticket.description
    assert FETCHED not in ticket.description
    assert desk.notes(ID)[1:] == ["Details were filled in: WS-0815, Globex."]
    assert ticket.updated_at == desk.clock.now()
    assert ticket.first_touched_at is None
    [asset] = all_rows(Asset)
    assert links(desk) == [(ticket.id, asset.id)]
    [entity] = all_rows(ExternalEntityMapping)
    assert (entity.external_id, entity.realm, entity.hostname) == ("815", "7", "WS-0815")
    assert (entity.entity_type, entity.synced_at) == ("agent", desk.clock.now())
    alert = desk.alert(ID)
    assert (alert.details_pending, alert.device_name) == (False, "WS-0815")
    assert alert.asset_id == asset.id
    assert not desk.connection().has_pending_details

    start = len(desk.simulator.requests)
    desk.poll()
    assert asked(desk, start) == ["/v1/incident_reports"]
    assert len(desk.notes(ID)) == 2


def test_a_text_that_a_person_edited_stays(pending: Desk) -> None:
    desk = pending
    change(
        Ticket, desk.ticket(ID).id, title="Ours", description="Our words",
        text_edited_by_person_at=desk.clock.now(),
    )  # fmt: skip
    set_faults(desk)
    desk.poll()
    assert (desk.ticket(ID).title, desk.ticket(ID).description) == ("Ours", "Our words")
    assert desk.notes(ID)[1] == "Details were filled in: WS-0815, Globex."
    assert len(links(desk)) == 1


def test_it_stays_pending_for_as_long_as_it_takes(pending: Desk) -> None:
    desk = pending
    for _ in range(3):
        outcome = desk.poll()
        assert outcome.is_success, "details never fail a cycle"
    assert desk.alert(ID).details_pending
    assert len(desk.notes(ID)) == 1
    set_faults(desk)
    desk.poll()
    assert not desk.alert(ID).details_pending


def test_a_host_that_turns_out_to_be_unknown_is_told(pending: Desk) -> None:
    desk = pending
    desk.account.remove_agent(815)
    set_faults(desk)
    desk.poll()
    assert "Host unknown to Huntress (agent 815)." in desk.ticket(ID).description
    assert desk.notes(ID)[1] == "Huntress does not know this host."
    assert links(desk) == []
    assert not desk.connection().has_pending_details


def test_an_update_that_brings_the_details_leaves_nothing_pending(pending: Desk) -> None:
    desk = pending
    set_faults(desk)
    desk.account.update_incident(ID, now=desk.clock.now(), summary="More.")
    desk.poll()
    alert = desk.alert(ID)
    assert (alert.details_pending, alert.device_name) == (False, "WS-0815")
    assert "**Hostname:** WS-0815" in desk.ticket(ID).description
    assert len(links(desk)) == 1
    assert len(desk.notes(ID)) == 3, "created, updated, filled in"
    assert not desk.connection().has_pending_details


def test_many_are_filled_in_batches(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    desk.account.add_organization("Globex", id=7)
    desk.poll()
    for number in range(1, 9):
        desk.account.add_agent(7, f"HOST-{number}", id=number)
        desk.account.add_incident(7, now=desk.clock.now(), agent_id=number, id=number)
    outage_of_details(desk)
    desk.poll()
    set_faults(desk)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert [desk.alert(n).device_name for n in range(1, 9)] == [f"HOST-{n}" for n in range(1, 9)]
    assert all_rows(Alert, Alert.details_pending) == []


def test_a_ticket_that_is_gone_is_no_trouble(pending: Desk) -> None:
    desk = pending
    change(Alert, desk.alert(ID).id, ticket_id=None)
    set_faults(desk)
    assert desk.poll().is_success
    assert not desk.connection().has_pending_details


def test_an_unmapped_ticket_gets_its_host_but_no_asset(desk: Desk) -> None:
    desk.poll()
    desk.account.add_agent(7, "WS-0815", id=815)
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=815, id=ID)
    outage_of_details(desk)
    desk.poll()
    desk.account.add_organization("Globex", id=7)
    set_faults(desk)
    desk.poll()
    ticket = desk.ticket(ID)
    assert ticket.title.startswith("[Huntress] [Unmapped Org]")
    assert 'organization "Globex" is not mapped' in ticket.description
    assert "**Hostname:** WS-0815" in ticket.description
    assert (links(desk), desk.count(ExternalEntityMapping)) == ([], 0)
    assert desk.clock.now() - ticket.created_at == timedelta(minutes=5)


def test_a_host_without_a_name_is_no_empty_list_of_names(desk: Desk) -> None:
    desk.account.add_agent(7, "WS-1", id=1)
    desk.account.agent_rows[1]["hostname"] = None
    desk.account.add_incident(7, now=desk.clock.now(), agent_id=1, id=ID)
    desk.account.incident_rows[ID]["organization_id"] = None
    outage_of_details(desk)
    desk.poll()
    set_faults(desk)
    desk.poll()
    assert desk.notes(ID)[-1] == "Details were filled in: Huntress states no name."
