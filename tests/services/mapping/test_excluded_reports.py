"""Excluded organizations: what is dropped, what comes back; no ticket is made of scraps."""

import json

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import counted_statements, set_faults
from webapp.huntress.simulator import Fault
from webapp.models import InboxRow
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.polling import poll_connection as module

ORGANIZATION = 7
OTHER = 8
IDLE_STATEMENTS = 8
SECRET = {"subject": "SECRET", "summary": "SECRET", "body": "SECRET"}


@pytest.fixture
def unprocessed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Polls collect and process nothing, until it is undone."""
    monkeypatch.setattr(module, "process_inbox", lambda _cycle: None)
    monkeypatch.setattr(module, "is_sweep_due", lambda *_a, **_k: False)
    return monkeypatch


def exclude(desk: Desk) -> None:
    set_mapping(desk.connection_id, str(ORGANIZATION), tickets=False)


def include(desk: Desk) -> None:
    desk.clock.advance(seconds=1)
    set_mapping(desk.connection_id, str(ORGANIZATION), tickets=True)


def content(desk: Desk, incident_id: int) -> tuple[str | None, ...]:
    alert = desk.alert(incident_id)
    return (alert.raw_report, alert.message, alert.device_name, alert.agent_external_id)


def row_of(desk: Desk, incident_id: int) -> InboxRow:
    return next(row for row in desk.inbox() if row.external_key == str(incident_id))


def move_on(desk: Desk) -> None:
    """Something newer: the walk does not reach back to what was there before."""
    desk.account.add_incident(8, now=desk.clock.advance(minutes=30))
    desk.poll(minutes=0)


def waiting(desk: Desk) -> dict[str, dict[str, object]]:
    return {row.external_key: json.loads(row.payload) for row in desk.inbox()}


@both_databases
def test_excluding_drops_what_was_kept_of_incidents_without_a_ticket(desk: Desk) -> None:
    desk.account.add_organization("Acme", id=ORGANIZATION)
    agent = desk.account.add_agent(ORGANIZATION, "SECRET-HOST")["id"]
    now = desk.clock.now()
    closed = {"status": "closed", "closed_at": now, "agent_id": agent}
    desk.account.add_incident(ORGANIZATION, now=now, id=1, **closed, **SECRET)
    desk.account.add_incident(ORGANIZATION, now=now, id=2, **SECRET)
    desk.account.add_incident(8, now=now, id=3, status="closed", subject="another's")
    desk.poll()
    report, message, _, agent_id = content(desk, 1)
    assert (report is not None, message, agent_id) == (True, "SECRET", str(agent))
    exclude(desk)
    assert content(desk, 1) == (None,) * 4
    alert = desk.alert(1)
    assert (alert.status, alert.severity, alert.resolved_at) == ("closed", "high", now)
    assert alert.triggered_at is not None
    assert desk.alert(2).raw_report is not None, "a ticket exists: it is kept up to date"
    assert desk.alert(3).message == "another's"


@both_databases
@pytest.mark.usefixtures("unprocessed")
def test_excluding_reduces_what_waits_in_the_inbox(desk: Desk) -> None:
    now = desk.clock.now()
    desk.map(ORGANIZATION, None)
    desk.account.add_incident(ORGANIZATION, now=now, id=1, **SECRET)
    desk.account.add_incident(8, now=now, id=2, subject="another's")
    desk.poll()
    before = row_of(desk, 1)
    exclude(desk)
    row = row_of(desk, 1)
    assert "SECRET" not in row.payload
    assert waiting(desk)["1"]["status"] == "sent"
    assert waiting(desk)["2"]["subject"] == "another's"
    assert (row.is_reduced, row.version) == (True, before.version + 1)
    desk.poll()
    assert row_of(desk, 1).version == row.version, "the same report changes nothing"


def test_what_waits_for_an_existing_ticket_stays_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1)
    desk.poll()
    monkeypatch.setattr(module, "process_inbox", lambda _cycle: None)
    desk.account.update_incident(1, now=desk.clock.now(), summary="It goes on.")
    desk.poll()
    exclude(desk)
    assert waiting(desk)["1"]["summary"] == "It goes on."


@both_databases
def test_a_report_collected_while_excluded_is_fetched_whole_before_it_becomes_a_ticket(
    desk: Desk, unprocessed: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1, subject="Real subject")
    desk.poll()
    assert "subject" not in waiting(desk)["1"]
    move_on(desk)
    include(desk)
    unprocessed.undo()
    assert desk.poll().as_dict()["created"] == 2
    assert "Real subject" in desk.ticket(1).title
    assert desk.alert(1).message == "Real subject"
    assert desk.inbox() == []


def test_one_that_cannot_be_fetched_now_waits_for_the_next_cycle(
    desk: Desk, unprocessed: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1, subject="Real subject")
    desk.poll()
    move_on(desk)
    include(desk)
    unprocessed.undo()
    unprocessed.setattr(module, "is_sweep_due", lambda *_a, **_k: False)
    set_faults(
        desk, on_request=lambda _number, path: Fault(status=500) if path.endswith("/1") else None
    )
    desk.poll()
    assert desk.ticket(1) is None
    [row] = desk.inbox()
    assert (row.external_key, row.attempts, row.is_reduced) == ("1", 0, True)
    set_faults(desk)
    desk.poll()
    assert "Real subject" in desk.ticket(1).title
    assert desk.inbox() == []


def test_reports_that_time_out_do_not_hold_up_the_others(
    desk: Desk, unprocessed: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    for number in range(1, 8):
        desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=number)
    desk.poll()
    move_on(desk)
    include(desk)
    unprocessed.undo()
    unprocessed.setattr(module, "is_sweep_due", lambda *_a, **_k: False)
    asked: list[str] = []

    def time_out(_number: int, path: str) -> Fault | None:
        if not path.startswith("/v1/incident_reports/"):
            return None
        asked.append(path)
        desk.clock.advance(seconds=30)
        return Fault(status=504)

    set_faults(desk, on_request=time_out)
    assert desk.poll().as_dict()["created"] == 1
    assert (len(asked), len(desk.inbox())) == (3, 7), "that is an outage: all wait for its end"
    set_faults(desk)
    assert desk.poll().as_dict()["created"] == 7


def test_one_that_huntress_no_longer_has_leaves_the_inbox(
    desk: Desk, unprocessed: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1)
    desk.poll()
    include(desk)
    desk.account.delete_incident(1)
    unprocessed.undo()
    assert desk.poll().is_success
    assert (desk.inbox(), desk.ticket(1), desk.alert(1)) == ([], None, None)


def test_one_that_belongs_to_another_excluded_organization_by_now_is_fetched_once(
    desk: Desk, unprocessed: pytest.MonkeyPatch
) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.map(OTHER, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1, **SECRET)
    desk.poll()
    move_on(desk)
    include(desk)
    desk.account.incident_rows[1]["organization_id"] = OTHER
    unprocessed.undo()
    desk.simulator.requests.clear()
    assert desk.poll().is_success
    paths = [request.path for request in desk.simulator.requests]
    assert paths.count("/v1/incident_reports/1") == 1
    assert (desk.inbox(), desk.ticket(1)) == ([], None)
    assert content(desk, 1) == (None, None, None, None)


@both_databases
def test_reports_of_excluded_organizations_do_not_come_back_with_every_walk(desk: Desk) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1, **SECRET)
    desk.poll()
    assert desk.poll(sweep=True).as_dict()["collected"] == 0
    desk.account.update_incident(1, now=desk.clock.now(), summary="SECRET 2")
    assert desk.poll().as_dict()["collected"] == 1, "its time changed"
    desk.poll(minutes=0)
    with counted_statements() as statements:
        assert desk.poll(minutes=0).as_dict()["collected"] == 0
    assert len(statements) == IDLE_STATEMENTS


@both_databases
def test_including_again_brings_the_report_back(desk: Desk) -> None:
    desk.map(ORGANIZATION, None, tickets=False)
    desk.account.add_incident(ORGANIZATION, now=desk.clock.now(), id=1, subject="Real subject")
    desk.poll()
    assert content(desk, 1) == (None,) * 4
    include(desk)
    assert desk.poll(minutes=60).run.is_sweep
    assert desk.alert(1).message == "Real subject"
    assert desk.ticket(1) is None, "a person decides about the incidents recorded meanwhile"
    assert desk.poll(sweep=True).as_dict()["collected"] == 0


def test_a_report_kept_whole_before_the_exclusion_comes_back_too(desk: Desk) -> None:
    desk.map(ORGANIZATION, None)
    now = desk.clock.now()
    desk.account.add_incident(ORGANIZATION, now=now, id=1, status="closed", subject="Real subject")
    desk.poll()
    exclude(desk)
    desk.account.update_incident(1, now=desk.clock.now(), summary="more")
    desk.poll()
    assert content(desk, 1) == (None,) * 4
    include(desk)
    desk.account.update_incident(1, now=desk.clock.now(), summary="and more")
    desk.poll()
    assert desk.alert(1).message == "Real subject"
