"""Open incidents that were only recorded get their tickets, each exactly one."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import AppThread, set_faults, ticketed_ids
from tests.support.rows import all_rows, change
from webapp.huntress.simulator import Fault
from webapp.models import Alert, AuditEvent, Client, Connection
from webapp.services.calls.open_client import MissingCredentialsError
from webapp.services.errors import NotFoundError, ServiceError
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.people.users import add_user
from webapp.services.polling import collect_incidents, walk_incidents, write_incidents
from webapp.services.polling import ticket_recorded_incidents as module
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.polling.ticket_recorded_incidents import (
    TicketedIncidents,
    count_recorded_incidents,
    ticket_incident,
    ticket_recorded_incidents,
)

pytestmark = pytest.mark.slow

ACME = 7


@pytest.fixture
def admin_id(app: Flask) -> int:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin").id


@pytest.fixture
def old(desk: Desk) -> Desk:
    """Two open incidents and a closed one from before the backfill window."""
    desk.account.add_organization("Acme", id=ACME)
    long_ago = desk.clock.now()
    desk.account.add_incident(ACME, now=long_ago, id=1, subject="One", severity="critical")
    desk.account.add_incident(ACME, now=long_ago, id=2, subject="Two")
    desk.account.add_incident(ACME, now=desk.clock.advance(days=20), id=3, status="closed")
    desk.poll(sweep=True)
    assert desk.alert(1).reason == "before_backfill"
    assert ticketed_ids(desk) == []
    return desk


@pytest.fixture
def excluded(desk: Desk) -> Desk:
    """An open incident that was recorded while its organization was excluded."""
    desk.account.add_organization("Acme", id=ACME)
    desk.account.add_incident(ACME, now=desk.clock.now(), id=9, status="closed")
    desk.poll()
    set_mapping(desk.connection_id, str(ACME), tickets=False)
    desk.account.add_incident(ACME, now=desk.clock.advance(minutes=1), id=1, subject="One")
    desk.poll()
    assert (desk.alert(1).reason, desk.alert(1).raw_report) == ("org_opted_out", None)
    return desk


def include(desk: Desk) -> None:
    set_mapping(desk.connection_id, str(ACME), tickets=True)


def test_a_drill_whose_ticket_went_by_age_is_no_open_incident(old: Desk, admin_id: int) -> None:
    assert count_recorded_incidents(old.connection_id) == 2
    change(Alert, old.alert(1).id, is_drill=True)
    assert count_recorded_incidents(old.connection_id) == 1
    with pytest.raises(ServiceError, match="gets no ticket"):
        ticket_incident(old.alert(1).id, actor_id=admin_id)
    assert ticketed_ids(old) == []


@both_databases
def test_tickets_are_as_a_poll_writes_them(old: Desk, admin_id: int) -> None:
    client_id = old.add_client("Acme")
    set_mapping(old.connection_id, str(ACME), client_id=client_id)
    assert count_recorded_incidents(old.connection_id) == 2
    result = ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    assert result == TicketedIncidents(created=2)
    ticket = old.ticket(1)
    connection = old.connection()
    assert (ticket.title, ticket.client_id) == ("[Huntress] One", client_id)
    assert (ticket.board_id, ticket.is_unmapped) == (connection.board_id, False)
    assert ticket.priority_id == connection.critical_priority_id
    assert "## Security Incident" in ticket.description
    assert old.notes(1)[0].startswith("Incident ID: 1\nSeverity: critical")
    assert (old.alert(1).ticket_id, old.alert(1).reason) == (ticket.id, None)
    assert old.alert(3).ticket_id is None, "it is closed"
    assert count_recorded_incidents(old.connection_id) == 0
    [event] = all_rows(AuditEvent, AuditEvent.action == "incidents.ticketed")
    assert (event.actor_id, event.after) == (admin_id, {"created": ["1", "2"], "requested": []})


def test_unmapped_ones_go_to_triage(old: Desk, admin_id: int) -> None:
    ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    ticket = old.ticket(1)
    assert ticket.title == "[Huntress] [Unmapped Org] One"
    assert ticket.board_id == old.connection().fallback_board_id


def test_a_ticket_that_lacks_details_gets_them_with_the_next_poll(
    desk: Desk, admin_id: int
) -> None:
    desk.account.add_organization("Acme", id=ACME)
    agent = desk.account.add_agent(ACME, "WS-0815", id=815)
    desk.account.add_incident(ACME, now=desk.clock.now(), id=1, agent_id=agent["id"])
    desk.clock.advance(days=20)
    set_faults(
        desk, on_request=lambda _n, path: Fault(status=500) if "/v1/agents" in path else None
    )
    desk.poll(sweep=True)
    assert (desk.alert(1).reason, desk.alert(1).details_pending) == ("before_backfill", False)
    assert not desk.connection().has_pending_details
    ticket_recorded_incidents(desk.connection_id, actor_id=admin_id)
    assert desk.alert(1).details_pending
    assert desk.connection().has_pending_details
    set_faults(desk)
    desk.poll()
    assert "**Hostname:** WS-0815" in desk.ticket(1).description
    assert not desk.connection().has_pending_details


def test_twice_and_the_next_polls_make_no_second_ticket(old: Desk, admin_id: int) -> None:
    ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    again = ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    assert again == TicketedIncidents()
    old.poll(sweep=True)
    old.account.update_incident(1, now=old.clock.advance(minutes=1), severity="low")
    old.poll()
    assert ticketed_ids(old) == ["1", "2"]
    assert any("Severity" in note for note in old.notes(1)[1:])


def test_many_are_written_in_several_transactions(
    old: Desk, admin_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 1)
    assert ticket_recorded_incidents(old.connection_id, actor_id=admin_id).created == 2
    assert len(all_rows(AuditEvent, AuditEvent.action == "incidents.ticketed")) == 2


@both_databases
def test_without_a_report_the_next_poll_makes_the_ticket(excluded: Desk, admin_id: int) -> None:
    assert count_recorded_incidents(excluded.connection_id) == 0, "excluded still"
    include(excluded)
    assert count_recorded_incidents(excluded.connection_id) == 1
    result = ticket_recorded_incidents(excluded.connection_id, actor_id=admin_id)
    assert result == TicketedIncidents(requested=1)
    assert count_recorded_incidents(excluded.connection_id) == 0, "it was asked for"
    assert excluded.poll().run.is_sweep
    assert excluded.ticket(1).title == "[Huntress] [Unmapped Org] One"
    assert excluded.alert(1).reason is None
    excluded.poll(sweep=True)
    assert ticketed_ids(excluded) == ["1"]


def test_once_a_sweep_has_brought_the_report_it_is_written_at_once(
    excluded: Desk, admin_id: int
) -> None:
    excluded.clock.advance(seconds=1)
    include(excluded)
    excluded.poll()
    assert ticketed_ids(excluded) == [], "nobody asked for it yet"
    result = ticket_recorded_incidents(excluded.connection_id, actor_id=admin_id)
    assert result == TicketedIncidents(created=1)


def test_what_is_over_by_then_gets_no_ticket(excluded: Desk, admin_id: int) -> None:
    include(excluded)
    ticket_recorded_incidents(excluded.connection_id, actor_id=admin_id)
    excluded.account.close_incident(1, now=excluded.clock.advance(minutes=1))
    excluded.poll()
    assert ticketed_ids(excluded) == []


def test_excluding_again_takes_the_wish_back(excluded: Desk, admin_id: int) -> None:
    include(excluded)
    ticket_recorded_incidents(excluded.connection_id, actor_id=admin_id)
    set_mapping(excluded.connection_id, str(ACME), tickets=False)
    excluded.poll()
    assert ticketed_ids(excluded) == []
    assert excluded.alert(1).reason == "org_opted_out"


def test_a_report_that_has_to_be_fetched_needs_credentials(excluded: Desk, admin_id: int) -> None:
    include(excluded)
    change(Connection, excluded.connection_id, api_key=None, api_secret=None)
    with pytest.raises(MissingCredentialsError):
        ticket_recorded_incidents(excluded.connection_id, actor_id=admin_id)
    assert excluded.alert(1).reason == "org_opted_out"


def test_one_incident(old: Desk, admin_id: int) -> None:
    alert_id = old.alert(2).id
    assert ticket_incident(alert_id, admin_id) == TicketedIncidents(created=1)
    assert ticketed_ids(old) == ["2"]
    with pytest.raises(ServiceError, match="has a ticket already"):
        ticket_incident(alert_id, admin_id)
    with pytest.raises(ServiceError, match="it is over"):
        ticket_incident(old.alert(3).id, admin_id)
    for missing in (4711, 2**40):
        with pytest.raises(NotFoundError):
            ticket_incident(missing, admin_id)


def test_one_incident_of_an_excluded_organization(excluded: Desk, admin_id: int) -> None:
    alert_id = excluded.alert(1).id
    with pytest.raises(ServiceError, match="Include the organization first"):
        ticket_incident(alert_id, admin_id)
    include(excluded)
    assert ticket_incident(alert_id, admin_id) == TicketedIncidents(requested=1)
    with pytest.raises(ServiceError, match="comes with the next poll"):
        ticket_incident(alert_id, admin_id)


def test_routing_has_to_be_complete(old: Desk, admin_id: int) -> None:
    old.set(fallback_board_id=None)
    with pytest.raises(ServiceError, match="routing configuration is incomplete"):
        ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    assert ticketed_ids(old) == []


def test_an_inactive_client_routes_to_triage(old: Desk, admin_id: int) -> None:
    client_id = old.add_client("Acme")
    set_mapping(old.connection_id, str(ACME), client_id=client_id)
    change(Client, client_id, is_active=False)
    ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    assert old.ticket(1).is_unmapped is True


@both_databases
def test_exactly_one_ticket_though_a_poll_brings_the_incident_meanwhile(
    app: Flask, old: Desk, admin_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is held while it writes the ticket of 1: the request waits, then leaves it alone."""
    old.account.update_incident(1, now=old.clock.advance(minutes=6), subject="One, again")
    requests: list[AppThread] = []
    build = write_incidents.build_body

    def build_and_let_request(*args: object) -> str:
        if not requests:
            requests.append(
                AppThread(
                    app, lambda: ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
                )
            )
            requests[0].join(0.3)
            assert requests[0].is_alive(), "it did not wait for the poll"
        return build(*args)

    monkeypatch.setattr(write_incidents, "build_body", build_and_let_request)
    assert poll_connection(old.connection_id, trigger="command").is_success
    assert requests[0].outcome() == TicketedIncidents(created=1)
    assert ticketed_ids(old) == ["1", "2"]
    assert len(all_rows(Alert, Alert.ticket_id.is_not(None))) == 2


@both_databases
def test_exactly_one_ticket_though_the_request_comes_between_collecting_and_processing(
    old: Desk, admin_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer report waits in the inbox when the ticket is written: it becomes a note."""
    old.account.update_incident(1, now=old.clock.advance(minutes=6), severity="low")
    collect, results = collect_incidents.collect_rows, []

    def collect_then_request(*args: object, **options: object) -> int:
        new = collect(*args, **options)
        if not results:
            results.append(ticket_recorded_incidents(old.connection_id, actor_id=admin_id))
        return new

    monkeypatch.setattr(walk_incidents, "collect_rows", collect_then_request)
    assert poll_connection(old.connection_id, trigger="command").is_success
    assert results == [TicketedIncidents(created=2)]
    assert ticketed_ids(old) == ["1", "2"]
    assert any("Severity" in note for note in old.notes(1)[1:])


def test_a_recorded_report_of_another_incident_is_fetched_anew(old: Desk, admin_id: int) -> None:
    alert = old.alert(1)
    assert alert is not None
    change(Alert, alert.id, raw_report='{"id": 5, "subject": "Another"}')
    old.clock.advance(minutes=1)
    result = ticket_recorded_incidents(old.connection_id, actor_id=admin_id)
    assert result == TicketedIncidents(created=1, requested=1)
    old.poll()
    assert old.ticket(1).title.endswith("One")
