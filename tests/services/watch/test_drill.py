"""Drills: through the real chain to a message, a link, and a ticket that is taken and closed."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import INCIDENTS, add_bulk, asked, break_reports
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    receiving,
)
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp import clock
from webapp.domain.watch.drill import DRILL_TITLE
from webapp.models import Alert, ClientMute, Drill, InboxRow, PollRun, Ticket
from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.escalate import advance_escalations, find_due_targets
from webapp.services.operations.desk_cards import Reader
from webapp.services.operations.read_dashboard import read_dashboard
from webapp.services.polling.process_report import process_report
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.tickets.list_incidents import IncidentQuery, list_incidents
from webapp.services.tickets.take_ticket import take_ticket
from webapp.services.watch.drill import (
    follow_drill,
    follow_drills,
    process_drill,
    read_drill_schedule,
    schedule_drills,
    start_drill,
    start_due_drill,
)
from webapp.services.watch.drill_stations import MUTED, NO_POLICY, NOBODY, NOT_PROCESSED, NOT_TAKEN
from webapp.services.watch.read_drills import DrillView, read_drills


@pytest.fixture
def polled(desk: Desk) -> Desk:
    """A desk whose first poll is over."""
    assert desk.poll().is_success
    return desk


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving() as mailbox:
        yield mailbox


def deliver(desk: Desk, seconds: float = 1) -> None:
    """Let time pass and deliver what is due."""
    desk.clock.advance(seconds=seconds)
    advance_escalations(clock.utcnow())
    for target_id in find_due_targets(clock.utcnow()):
        deliver_target(target_id)


def begin(desk: Desk) -> int:
    """A drill whose report was processed."""
    drill_id = start_drill().id
    desk.clock.advance(seconds=2)
    assert process_drill(drill_id)
    return drill_id


def follow(desk: Desk, drill_id: int) -> DrillView:
    follow_drill(drill_id, clock.utcnow())
    [view] = read_drills(drill_id)
    return view


def reached(view: DrillView) -> list[str]:
    return [one.station.name for one in view.stations if one.at is not None]


def take(mailbox: Mailbox, name: str) -> None:
    """Follow the take-it link of the last message."""
    [link] = [one.url for one in mailbox.to(name)[-1].links if "/take/" in one.url]
    take_ticket(re.split(r"/take/", link)[1])


@both_databases
def test_from_the_inbox_to_a_ticket_that_was_taken_and_closed(
    polled: Desk, mailbox: Mailbox
) -> None:
    person, phone = add_person("Grace")
    add_policy("Critical", [(0, [phone])], events=("created",), severities=("critical",))
    calls = len(polled.simulator.requests)
    before = polled.connection()
    drill_id = begin(polled)
    view = follow(polled, drill_id)
    assert reached(view) == ["inbox", "plan", "ticket", "policy"]
    deliver(polled)
    [message] = mailbox.to("grace-phone")
    assert message.title.startswith("DRILL ")
    assert reached(follow(polled, drill_id))[-1] == "delivery"
    polled.clock.advance(seconds=30)
    take(mailbox, "grace-phone")
    view = follow(polled, drill_id)
    assert view.is_success
    assert {one.station.name: one.seconds for one in view.stations} == {
        "inbox": 0,
        "plan": 2,
        "ticket": 0,
        "policy": 0,
        "delivery": 1,
        "taken": 30,
        "closed": 0,
    }
    [ticket] = all_rows(Ticket)
    assert (ticket.is_drill, ticket.assignee_id) == (True, person)
    assert ticket.closed_at == clock.utcnow()
    assert DRILL_TITLE in ticket.title
    assert len(polled.simulator.requests) == calls, "Huntress was not asked"
    after = polled.connection()
    assert (after.last_poll_started_at, after.cursor) == (
        before.last_poll_started_at,
        before.cursor,
    )
    assert after.lease_token is None
    assert len(all_rows(PollRun)) == 1, "it is no poll"
    assert "drill.started" in audit_actions()


@both_databases
def test_a_drill_counts_in_no_figure(polled: Desk, mailbox: Mailbox) -> None:
    add_bulk(polled.account, 1, polled.clock.now())
    polled.poll()
    polled.clock.advance(minutes=1)
    _, phone = add_person("Grace")
    add_policy("Critical", [(0, [phone])], events=("created",), severities=("critical",))
    drill_id = begin(polled)
    for _ in range(2):
        shown = read_dashboard(clock.utcnow().tzinfo, Reader(0))
        dashboard = shown.desk
        assert sum(one.open_count for one in dashboard.counts.by_priority) == 1
        assert sum(dashboard.figures.totals.values()) == 1
        assert dashboard.figures.close.current.count == 0
        assert dashboard.figures.first_touch.current.count == 0
        assert [one.figures.open_incidents for one in shown.connections] == [1]
        assert len(list_incidents(IncidentQuery()).rows) == 1
        deliver(polled)
        if mailbox.messages and follow(polled, drill_id).ended_at is None:
            take(mailbox, "grace-phone")
            follow(polled, drill_id)
    assert len(all_rows(Alert, Alert.is_drill)) == 1


def test_sweep_and_proof_leave_it_alone(polled: Desk) -> None:
    add_policy("Critical", [(0, [add_target("noc")])], events=("created",))
    begin(polled)
    start = len(polled.simulator.requests)
    assert polled.poll(sweep=True).is_success
    assert not [path for path in asked(polled, start) if path.startswith(f"{INCIDENTS}/")]
    [alert] = all_rows(Alert)
    assert (alert.is_drill, alert.status) == (True, "sent")
    proof = prove_connection(polled.connection_id)
    assert (proof.listed, proof.unexplained) == (0, 0)


def test_without_a_policy_it_fails_at_once(polled: Desk) -> None:
    view = follow(polled, begin(polled))
    assert (view.failed_at, view.problem) == ("Policy", NO_POLICY)
    assert all_rows(Ticket)[0].closed_at is not None


def test_a_muted_client_is_named(polled: Desk) -> None:
    add_policy("Critical", [(0, [add_target("noc")])], events=("created",))
    now = clock.utcnow()
    client_id = polled.connection().fallback_client_id
    add(ClientMute(client_id=client_id, starts_at=now, until=now + timedelta(hours=1)))
    assert follow(polled, begin(polled)).problem == MUTED


def test_with_nobody_on_call_it_says_so(polled: Desk) -> None:
    add_policy("Critical", [(0, [])], on_call=True, events=("created",))
    drill_id = begin(polled)
    deliver(polled)
    assert follow(polled, drill_id).ended_at is None, "the step is tried again and again"
    deliver(polled, seconds=16 * 60)
    view = follow(polled, drill_id)
    assert (view.failed_at, view.problem) == ("Delivery", f"The policy “Critical” told {NOBODY}")


def test_a_message_that_is_not_delivered_is_named_in_the_end(
    polled: Desk, mailbox: Mailbox
) -> None:
    add_policy("Critical", [(0, [add_target("noc")])], events=("created",))
    mailbox.failures["noc"] = OSError("no route")
    drill_id = begin(polled)
    deliver(polled)
    assert follow(polled, drill_id).ended_at is None, "it is tried again"
    polled.clock.advance(minutes=16)
    view = follow(polled, drill_id)
    assert view.failed_at == "Delivery"
    assert view.problem.startswith("No message was delivered. noc: ")


def test_nobody_takes_it(polled: Desk, mailbox: Mailbox) -> None:
    add_policy("Critical", [(0, [add_target("noc")])], repeats=3, events=("created",))
    drill_id = begin(polled)
    deliver(polled)
    polled.clock.advance(minutes=14)
    assert follow(polled, drill_id).ended_at is None
    polled.clock.advance(minutes=2)
    view = follow(polled, drill_id)
    assert (view.failed_at, view.problem) == ("Taken", NOT_TAKEN)
    assert follow_drills(clock.utcnow()) == []
    sent = len(mailbox.to("noc"))
    deliver(polled, seconds=3600)
    assert all(one.stage != "begins" for one in mailbox.to("noc")[sent:]), "it is over"


def test_a_report_that_no_worker_processes(polled: Desk) -> None:
    drill_id = start_drill().id
    polled.clock.advance(minutes=6)
    view = follow(polled, drill_id)
    assert (view.failed_at, view.problem) == ("Plan", NOT_PROCESSED)
    assert all_rows(InboxRow) == [], "it does not come later"


@both_databases
def test_the_ticket_of_a_drill_that_was_quarantined_is_a_drills(
    polled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = start_drill()
    break_reports(monkeypatch, drill.external_key)
    for minutes in (5, 5, 10):
        polled.clock.advance(minutes=minutes)
        process_report(polled.connection_id, drill.external_key)
    [ticket] = all_rows(Ticket)
    assert (ticket.is_unmapped, ticket.is_drill) == (True, True)


def test_a_poll_that_holds_the_connection_processes_the_report(polled: Desk) -> None:
    add_policy("Critical", [(0, [add_target("noc")])], events=("created",))
    drill = start_drill()
    until = clock.utcnow() + timedelta(minutes=5)
    polled.set(lease_token="t", lease_holder=None, lease_expires_at=until)
    assert not process_report(polled.connection_id, drill.external_key, longest_wait=3)
    polled.set(lease_token=None)
    assert polled.poll().is_success
    assert process_report(polled.connection_id, drill.external_key), "it was processed already"
    assert reached(follow(polled, drill.id))[-1] == "policy"


def test_two_drills_do_not_run_at_a_time(polled: Desk) -> None:
    start_drill()
    with pytest.raises(RefusedError, match="running already"):
        start_drill()


def test_a_drill_needs_a_connection_that_was_polled(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="polled successfully"):
        start_drill()


def test_an_incident_with_such_an_id_is_no_drill(polled: Desk) -> None:
    polled.account.add_raw_incident({"id": "drill-000", "severity": "high", "status": "sent"})
    assert polled.poll().is_success
    [ticket] = all_rows(Ticket)
    assert (ticket.source_reference, ticket.is_drill) == ("drill-000", False)


def test_the_schedule_counts_from_the_last_drill(polled: Desk) -> None:
    schedule_drills(7)
    assert read_drill_schedule() == 7
    assert start_due_drill(clock.utcnow()) is None, "nobody has started the first one"
    drill_id = begin(polled)
    follow(polled, drill_id)
    assert fresh(Drill, drill_id).ended_at is not None
    assert start_due_drill(clock.utcnow() + timedelta(days=6, hours=23)) is None
    polled.clock.advance(days=7)
    assert start_due_drill(clock.utcnow()) is not None
    assert start_due_drill(clock.utcnow()) is None
    schedule_drills(None)
    assert read_drill_schedule() is None
    with pytest.raises(FieldError):
        schedule_drills(0)


def test_stations_survive_a_restart(polled: Desk) -> None:
    """Everything is in the database: whoever looks next finds the same."""
    add_policy("Critical", [(0, [add_target("noc")])], events=("created",))
    drill_id = begin(polled)
    change(Drill, drill_id, stations={})
    assert reached(follow(polled, drill_id)) == ["inbox", "plan", "ticket", "policy"]
