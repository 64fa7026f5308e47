"""From an incident's life at Huntress to its one ticket: routing, notes, closing, reopening."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk, set_faults
from tests.support.rows import add, all_rows, change, fresh, organization
from webapp.huntress.simulator import Fault
from webapp.models import (
    Alert,
    Board,
    Category,
    Client,
    HuntressAgent,
    OrganizationMapping,
    Priority,
    Status,
    Ticket,
)
from webapp.services.polling import process_inbox

ID = 1_780_001


def open_incident(desk: Desk, organization_id: int | None = None, **fields: object) -> None:
    desk.account.add_incident(organization_id, now=desk.clock.now(), id=ID, **fields)
    assert desk.poll().is_success


def priority_of(desk: Desk) -> str:
    return fresh(Priority, desk.ticket(ID).priority_id).name


def update(desk: Desk, **fields: object) -> dict[str, object]:
    """Change the incident, poll, and return what the poll did."""
    desk.account.update_incident(ID, now=desk.clock.now(), **fields)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    return outcome.as_dict()


def close_with_huntress(desk: Desk) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())


# --- routing


def test_a_mapped_organization_routes_to_its_client(desk: Desk) -> None:
    client = desk.add_client("Globex")
    category = add(Category(name="Incidents", board_id=desk.connection().board_id))
    desk.set(category_id=category.id)
    desk.map(7, client)
    open_incident(desk, 7, severity="low")
    ticket = desk.ticket(ID)
    assert (ticket.client_id, ticket.board_id) == (client, desk.connection().board_id)
    assert (ticket.category_id, ticket.is_unmapped) == (category.id, False)
    assert priority_of(desk) == "Low"
    assert ticket.title.startswith("[Huntress] LOW")
    row = organization(desk.connection_id, 7)
    assert row.last_incident_at == desk.clock.now() - timedelta(minutes=5)


@pytest.mark.parametrize("reason", ["unmapped", "inactive client", "no organization"])
def test_everything_else_lands_on_the_triage_board(desk: Desk, reason: str) -> None:
    category = add(Category(name="Incidents", board_id=desk.connection().board_id))
    desk.set(category_id=category.id)
    client = desk.add_client("Globex", is_active=False) if reason == "inactive client" else None
    if reason != "no organization":
        desk.map(7, client)
    open_incident(desk, None if reason == "no organization" else 7)
    ticket, connection = desk.ticket(ID), desk.connection()
    assert ticket.client_id == connection.fallback_client_id
    assert ticket.board_id == connection.fallback_board_id
    assert (ticket.category_id, ticket.is_unmapped) == (None, True)
    assert ticket.title.startswith("[Huntress] [Unmapped Org] HIGH")
    assert ticket.description.startswith("> **Unmapped organization.**")
    assert desk.count(OrganizationMapping) == (0 if reason == "no organization" else 1)


@both_databases
def test_an_unknown_organization_gets_its_row_on_the_spot_and_is_matched(desk: Desk) -> None:
    client = desk.add_client("Globex GmbH")
    desk.poll()
    desk.account.add_organization("Globex GmbH", id=7)
    open_incident(desk, 7)
    row = organization(desk.connection_id, 7)
    assert (row.name, row.client_id, row.is_auto_matched) == ("Globex GmbH", client, True)
    assert desk.ticket(ID).client_id == client


def test_an_organization_whose_name_cannot_be_had_is_called_by_its_id(desk: Desk) -> None:
    desk.add_client("Globex")
    desk.poll()
    desk.account.add_organization("Globex", id=7)
    set_faults(
        desk, on_request=lambda _n, path: Fault(status=500) if "organizations" in path else None
    )
    open_incident(desk, 7)
    row = organization(desk.connection_id, 7)
    assert (row.name, row.is_name_known, row.client_id) == ("Huntress org 7", False, None)
    assert "Huntress org 7" in desk.ticket(ID).description
    assert desk.alert(ID).details_pending
    set_faults(desk)
    desk.poll()
    row = organization(desk.connection_id, 7)
    assert (row.name, row.is_name_known) == ("Globex", True)
    assert row.client_id is not None
    assert desk.ticket(ID).is_unmapped, "moving a ticket is offered, not done"
    assert desk.notes(ID)[1] == "Details were filled in: Globex."


def test_names_are_never_matched_by_their_ascii_letters(desk: Desk) -> None:
    """Trap 6: "Möller GmbH" became the client "Müller GmbH"."""
    desk.add_client("Müller GmbH")
    desk.account.add_organization("Möller GmbH", id=7)
    open_incident(desk, 7)
    assert organization(desk.connection_id, 7).client_id is None
    assert desk.ticket(ID).is_unmapped


def test_several_clients_of_that_name_are_named_and_none_is_taken(desk: Desk) -> None:
    clients = [desk.add_client("Globex Inc."), desk.add_client("globex inc")]
    desk.account.add_organization("Globex Inc", id=7)
    open_incident(desk, 7)
    row = organization(desk.connection_id, 7)
    assert row.client_id is None
    assert sorted(row.candidate_ids) == clients


# --- notes and priorities


def test_a_severity_rise_raises_the_priority_and_says_so(desk: Desk) -> None:
    open_incident(desk, severity="low")
    assert update(desk, severity="high")["noted"] == 1
    assert priority_of(desk) == "High"
    assert "The priority was raised with the severity." in desk.notes(ID)[-1]
    assert update(desk, severity="low")["noted"] == 1
    assert priority_of(desk) == "High", "a fall leaves the priority"
    update(desk, severity="critical")
    assert priority_of(desk) == "Critical"
    assert desk.alert(ID).severity == "critical"


def test_a_priority_that_a_person_chose_stays(desk: Desk) -> None:
    open_incident(desk, severity="low")
    change(Ticket, desk.ticket(ID).id, priority_set_by_person_at=desk.clock.now())
    update(desk, severity="critical")
    assert priority_of(desk) == "Low"
    assert "priority was raised" not in desk.notes(ID)[-1]


def test_an_unknown_severity_takes_the_high_priority_and_says_so(desk: Desk) -> None:
    [high] = all_rows(Priority, Priority.name == "High")
    change(Priority, high.id, name="P2")
    open_incident(desk, severity="Medium")
    assert priority_of(desk) == "P2"
    assert "**Severity:** Huntress said 'Medium': treated as P2\n" in desk.ticket(ID).description
    update(desk, severity="low")
    update(desk, severity="Moderate")
    assert "Huntress said 'Moderate': treated as P2." in desk.notes(ID)[-1]
    update(desk, summary="More is known.")
    assert "treated as" not in desk.notes(ID)[-1]


def test_status_and_severity_are_kept_as_huntress_wrote_them(desk: Desk) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    open_incident(desk, severity="CRITICAL", status="Sent\x00")
    alert = desk.alert(ID)
    assert (alert.severity, alert.status) == ("CRITICAL", "Sent")
    assert (alert.parsed_severity, alert.parsed_status) == ("critical", "sent")
    assert priority_of(desk) == "Critical"
    assert "Severity: CRITICAL\nStatus: Sent\n" in desk.notes(ID)[0]
    assert update(desk, status="Closed")["closed"] == 1
    assert (desk.alert(ID).status, desk.alert(ID).parsed_status) == ("Closed", "closed")
    assert len([note for note in desk.notes(ID) if "changed from sent to closed" in note]) == 1


def test_neither_an_agent_nor_an_organization_is_said(desk: Desk) -> None:
    open_incident(desk)
    text = "## Organization\n**Huntress Organization:** unknown\n"
    assert text in desk.ticket(ID).description


def test_a_draft_is_recorded_and_ticketed_when_it_is_sent(desk: Desk) -> None:
    open_incident(desk, status="Draft", sent_at=None)
    assert (desk.ticket(ID), desk.alert(ID).reason) == (None, "not_sent_yet")
    assert update(desk, summary="Still at work.")["recorded"] == 1
    assert (desk.ticket(ID), desk.alert(ID).reason) == (None, "not_sent_yet")
    assert update(desk, status="sent", sent_at=desk.clock.now())["created"] == 1
    assert (desk.alert(ID).ticket_id, desk.alert(ID).reason) == (desk.ticket(ID).id, None)


@pytest.mark.parametrize("status", ["sent", "under_review"])
def test_a_sweep_finds_a_draft_that_was_sent(desk: Desk, status: str) -> None:
    """It is not listed as open while it is a draft, and need not come back to the top either."""
    open_incident(desk, status="draft")
    before = desk.account.incident(ID)["updated_at"]
    desk.clock.advance(hours=2)
    desk.account.add_incident(now=desk.clock.now(), id=2)
    desk.poll()
    update(desk, status=status, updated_at=before)
    assert desk.ticket(ID) is None
    assert desk.poll(sweep=True).as_dict()["created"] == 1
    assert desk.ticket(ID) is not None


def test_a_draft_that_was_closed_needs_no_ticket_but_was_missed(desk: Desk) -> None:
    open_incident(desk, status="draft", sent_at=None)
    desk.account.close_incident(ID, now=desk.clock.now())
    run = desk.poll().run
    assert (run.created, run.recorded, run.missed_open) == (0, 1, 0)
    assert desk.alert(ID).reason == "already_closed"


def test_a_draft_of_an_excluded_organization_is_ticketed_if_sent_after_including_it(
    desk: Desk,
) -> None:
    desk.map(7, None, tickets=False)
    open_incident(desk, 7, status="draft")
    assert desk.alert(ID).reason == "org_opted_out"
    desk.map(7, None)
    assert update(desk, status="sent")["created"] == 1


def test_a_closed_incident_that_becomes_a_draft_is_reopened_when_it_is_sent(desk: Desk) -> None:
    close_with_huntress(desk)
    open_incident(desk)
    assert update(desk, status="closed")["closed"] == 1
    assert update(desk, status="draft")["reopened"] == 0
    assert update(desk, status="sent")["reopened"] == 1


def test_an_update_is_one_note_that_names_what_changed(desk: Desk) -> None:
    open_incident(desk)
    updated = desk.ticket(ID).updated_at
    update(desk, summary="We looked again.", severity="critical")
    note = desk.notes(ID)[1]
    assert "critical" in note
    assert "ummary" in note
    assert desk.ticket(ID).updated_at > updated
    assert desk.poll(sweep=True).as_dict()["noted"] == 0
    assert len(desk.notes(ID)) == 2


# --- closing and reopening


def test_closing_is_noted_only_unless_it_was_switched_on(desk: Desk) -> None:
    open_incident(desk)
    done = update(desk, status="closed")
    assert (done["noted"], done["closed"]) == (1, 0)
    assert desk.ticket(ID).closed_at is None
    assert (desk.alert(ID).status, desk.alert(ID).was_closed) == ("closed", True)


@both_databases
@pytest.mark.parametrize("status", ["closed", "dismissed", "partner_dismissed"])
def test_the_ticket_closes_and_reopens_with_the_incident(desk: Desk, status: str) -> None:
    close_with_huntress(desk)
    open_incident(desk)
    desk.account.close_incident(ID, now=desk.clock.now(), status=status)
    done = desk.poll().as_dict()
    assert (done["noted"], done["closed"]) == (1, 1)
    ticket = desk.ticket(ID)
    assert (ticket.closed_at, ticket.status_id) == (desk.clock.now(), desk.closed_status_id())
    assert "closed because Huntress closed" in desk.notes(ID)[-1]
    assert desk.alert(ID).resolved_at == desk.clock.now() - timedelta(minutes=5)

    done = update(desk, status="sent", closed_at=None)
    assert done["reopened"] == 1
    assert desk.ticket(ID).closed_at is None
    assert "reopened" in desk.notes(ID)[-1]
    assert desk.alert(ID).resolved_at is None


def test_what_a_person_reopened_is_not_closed_again(desk: Desk) -> None:
    close_with_huntress(desk)
    open_incident(desk)
    update(desk, status="closed")
    [opened] = all_rows(Status, Status.is_default)
    change(Ticket, desk.ticket(ID).id, closed_at=None, status_id=opened.id)
    done = update(desk, status="closed", summary="Afterthought.")
    assert (done["noted"], done["closed"]) == (1, 0)
    assert desk.ticket(ID).closed_at is None


def test_a_ticket_that_was_touched_can_be_left_open(desk: Desk) -> None:
    close_with_huntress(desk)
    desk.set(leave_touched_open=True)
    open_incident(desk)
    change(Ticket, desk.ticket(ID).id, first_touched_at=desk.clock.now())
    assert update(desk, status="closed")["closed"] == 0
    assert desk.ticket(ID).closed_at is None


def test_reopening_can_be_switched_off(desk: Desk) -> None:
    close_with_huntress(desk)
    desk.set(reopen_tickets=False)
    open_incident(desk)
    update(desk, status="closed")
    done = update(desk, status="sent")
    assert (done["noted"], done["reopened"]) == (1, 0)
    assert desk.ticket(ID).closed_at is not None


def test_a_rise_reopens_a_ticket_that_a_person_closed(desk: Desk) -> None:
    open_incident(desk, severity="low")
    closed = desk.closed_status_id()
    change(Ticket, desk.ticket(ID).id, status_id=closed, closed_at=desk.clock.now())
    assert update(desk, summary="More.")["reopened"] == 0
    assert update(desk, severity="critical")["reopened"] == 1
    assert desk.ticket(ID).closed_at is None
    assert priority_of(desk) == "Critical"


def test_recorded_closed_and_reopened_becomes_a_ticket(desk: Desk) -> None:
    open_incident(desk, status="closed")
    assert desk.alert(ID).reason == "already_closed"
    done = update(desk, status="sent")
    assert (done["created"], desk.ticket(ID) is not None) == (1, True)


def test_deleting_is_left_out_when_new_and_noted_when_known(desk: Desk) -> None:
    close_with_huntress(desk)
    desk.account.add_incident(now=desk.clock.now(), id=ID + 1, status="deleting")
    open_incident(desk)
    assert desk.alert(ID + 1) is None
    done = update(desk, status="deleting")
    assert (done["noted"], done["closed"]) == (1, 0)
    assert (desk.alert(ID).status, desk.alert(ID).was_closed) == ("deleting", False)


def test_first_seen_closed_although_sent_while_polling_is_counted(desk: Desk) -> None:
    desk.poll()
    sent = desk.clock.now()
    desk.account.add_incident(now=sent, id=1, status="closed", closed_at=sent)
    early = sent - timedelta(days=2)
    desk.account.add_incident(now=early, id=2, status="closed", updated_at=sent, closed_at=sent)
    outcome = desk.poll()
    assert (outcome.run.recorded, outcome.run.missed_open) == (2, 1)


# --- excluded organizations


@both_databases
def test_of_an_excluded_organization_only_id_severity_status_and_times_are_kept(
    desk: Desk, monkeypatch
) -> None:
    desk.account.add_organization("Other MSP's client", id=7)
    agent = desk.account.add_agent(7, "SECRET-HOST")
    desk.map(7, None, tickets=False)
    payloads: list[str] = []
    write = process_inbox.write_incidents

    def noting(session, cycle, entries):
        payloads.extend(entry.payload for entry in entries)
        return write(session, cycle, entries)

    monkeypatch.setattr(process_inbox, "write_incidents", noting)
    open_incident(desk, 7, agent_id=agent["id"], subject="SECRET", summary="SECRET", body="SECRET")
    alert = desk.alert(ID)
    assert desk.ticket(ID) is None
    assert alert.reason == "org_opted_out"
    assert (alert.severity, alert.status) == ("high", "sent")
    assert alert.triggered_at is not None
    kept = (alert.raw_report, alert.message, alert.device_name, alert.agent_external_id)
    assert kept == (None, None, None, None)
    assert len(payloads) == 1
    assert "SECRET" not in payloads[0]
    assert "subject" not in payloads[0]
    assert desk.count(HuntressAgent) == 0, "no details of its hosts are fetched"
    assert not [one for one in desk.simulator.requests if "agents" in one.path]
    assert desk.poll(sweep=True).as_dict()["collected"] == 0
    desk.account.update_incident(ID, now=desk.clock.now(), summary="SECRET 2")
    assert desk.poll().as_dict()["recorded"] == 1
    assert desk.alert(ID).raw_report is None


def test_excluding_later_leaves_existing_tickets_their_notes_and_closing(desk: Desk) -> None:
    close_with_huntress(desk)
    client = desk.add_client("Globex")
    desk.map(7, client)
    open_incident(desk, 7)
    desk.map(7, client, tickets=False)
    desk.account.add_incident(7, now=desk.clock.now(), id=ID + 1)
    done = update(desk, summary="It goes on.")
    assert (done["noted"], done["created"], done["recorded"]) == (1, 0, 1)
    assert "It goes on." in desk.notes(ID)[-1] + (desk.alert(ID).raw_report or "")
    assert desk.ticket(ID + 1) is None
    assert update(desk, status="closed")["closed"] == 1
    assert update(desk, status="sent")["reopened"] == 1


def test_an_incident_recorded_with_its_report_loses_it_once_excluded(desk: Desk) -> None:
    desk.map(7, None)
    open_incident(desk, 7, status="closed")
    assert desk.alert(ID).raw_report is not None
    desk.map(7, None, tickets=False)
    update(desk, summary="SECRET")
    assert (desk.alert(ID).raw_report, desk.alert(ID).message) == (None, None)


# --- traps of the API


def test_every_shape_of_remediation_parameters_makes_a_ticket(desk: Desk) -> None:
    """Trap 1: a string in `parameters` crashed the processor."""
    items = [
        {"id": 1, "type": "containment", "action": "Isolate Host", "status": "approved",
         "parameters": "WS-01"},
        {"id": 2, "type": "assisted", "action": "Delete File", "status": "unapproved",
         "parameters": [{"name": "path", "description": "C:/evil.exe"}]},
        {"id": 3, "type": "manual", "action": "Reset password", "status": "unapproved",
         "parameters": None},
        {"id": 4, "type": "manual", "action": "Tell the user", "parameters": []},
        {"id": 5, "type": "manual", "parameters": {"a": 1}},
        "not even an object",
    ]  # fmt: skip
    open_incident(desk, remediations=items)
    body = desk.ticket(ID).description
    assert "- [approved] Isolate Host: WS-01" in body
    assert "- [unapproved] Delete File: C:/evil.exe" in body
    assert "- [unapproved] Reset password" in body


def test_a_row_without_a_time_does_not_end_the_walk(desk: Desk) -> None:
    """Trap 2: everything older than one `updated_at: null` was lost."""
    now = desk.clock.now()
    desk.account.add_incident(now=now, id=1)
    desk.account.add_incident(now=now - timedelta(hours=1), id=2, updated_at=None)
    desk.account.add_incident(now=now - timedelta(hours=2), id=3)
    # Closed, so that no sweep would make up for a walk that left it out.
    desk.account.add_incident(now=now, id=4, updated_at=None, status="closed")
    outcome = desk.poll()
    assert (outcome.run.created, outcome.run.recorded) == (3, 1)
    assert desk.connection().cursor == now
    assert desk.poll().as_dict()["collected"] == 0


def test_a_board_or_client_edited_during_a_poll_is_what_the_next_ticket_gets(desk: Desk) -> None:
    [board] = all_rows(Board, Board.name == "Service Desk")
    [client] = all_rows(Client)
    open_incident(desk)
    desk.set(fallback_board_id=board.id)
    desk.account.add_incident(now=desk.clock.now(), id=ID + 1)
    desk.poll()
    assert desk.ticket(ID + 1).board_id == board.id
    assert desk.ticket(ID + 1).client_id == client.id


def test_incidents_are_recorded_in_the_order_of_their_reports(desk: Desk) -> None:
    """With and without a ticket: the register shows what was recorded last first."""
    for number, status in enumerate(("sent", "closed", "sent", "closed")):
        at = desk.clock.now() - timedelta(hours=9 - number)
        add_bulk(desk.account, 1, at, first_id=number + 1, status=status)
    desk.poll()
    alerts = sorted(all_rows(Alert), key=lambda alert: alert.id)
    assert [alert.external_alert_id for alert in alerts] == ["1", "2", "3", "4"]
