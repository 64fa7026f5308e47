"""States that a cycle meets seldom: each must cost no more than itself."""

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from tests.support.poller import Desk
from tests.support.polling import runs, set_faults
from tests.support.rows import change
from webapp.domain.plan import Reason
from webapp.huntress.simulator import Fault
from webapp.models import Alert, InboxRow, PollRun, Priority
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.polling import poll_connection, process_inbox
from webapp.services.polling.answer_quarantine import QuarantineError, dismiss, retry
from webapp.services.polling.collect_incidents import store_whole
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.incident_batch import InboxEntry
from webapp.services.polling.preview_polling import preview_polling
from webapp.services.schedule.lease import Lease, LeaseLostError, read_polled
from webapp.services.schedule.run_log import RunLog
from webapp.services.transactions import reading, transaction

ID = 1_780_001
WITHOUT_ID = {
    "subject": "CRITICAL - no id",
    "severity": "critical",
    "status": "sent",
    "updated_at": "2026-06-09T11:00:00Z",
}


def quarantined(desk: Desk) -> InboxRow:
    """A report without an id, which is quarantined at once."""
    desk.account.add_raw_incident(WITHOUT_ID)
    desk.poll()
    [row] = desk.inbox()
    assert row.quarantined_at is not None
    return row


def test_a_cycle_that_has_not_begun_has_no_client(desk: Desk) -> None:
    with reading() as session:
        connection = read_polled(session, desk.connection_id)
    assert connection is not None
    cycle = Cycle(connection, Lease(connection.id, "token", 120), RunLog(1), portal_url="")
    assert not cycle.has_client
    with pytest.raises(RuntimeError, match="no client"):
        _ = cycle.client


def test_a_result_that_cannot_be_recorded_is_left_to_the_lease(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("the disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "finish", fail)
        desk.poll()
    assert desk.connection().lease_token is not None
    assert desk.connection().last_success_at is None
    assert [run.state for run in runs(desk)] == ["running"]


def test_a_result_that_could_not_be_recorded_at_first_is_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, failures = RunLog.finish, [OperationalError("UPDATE", {}, Exception("locked"))] * 3

    def fail_at_first(*args: object, **values: object) -> object:
        if failures:
            raise failures.pop()
        return finish(*args, **values)

    monkeypatch.setattr(RunLog, "finish", fail_at_first)
    assert desk.poll().is_success
    assert desk.connection().lease_token is None


def test_a_poll_whose_record_is_gone_ends_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget(_cycle: Cycle) -> None:
        with transaction() as session:
            session.execute(delete(PollRun))

    monkeypatch.setattr(poll_connection, "process_inbox", forget)
    assert desk.poll().run is None
    assert desk.connection().lease_token is None
    assert desk.connection().last_success_at is not None


def test_details_of_a_report_that_was_not_kept_are_not_waited_for(desk: Desk) -> None:
    agent = desk.account.add_agent(None, "WS-1", id=815)
    desk.account.add_incident(now=desk.clock.now(), id=ID, agent_id=agent["id"])
    set_faults(desk, on_request=lambda _n, path: Fault(status=500) if "agents" in path else None)
    desk.poll()
    alert = desk.alert(ID)
    assert alert is not None
    assert alert.details_pending
    change(Alert, alert.id, raw_report=None)
    set_faults(desk)
    desk.poll()
    after = desk.alert(ID)
    assert after is not None
    assert not after.details_pending


def test_severities_of_one_priority_raise_nothing(desk: Desk) -> None:
    with reading() as session:
        high = session.query(Priority).filter_by(name="High").one().id
    desk.set(low_priority_id=high, high_priority_id=high)
    desk.account.add_incident(now=desk.clock.now(), id=ID, severity="low")
    desk.poll()
    desk.clock.advance(minutes=1)
    desk.account.update_incident(ID, now=desk.clock.now(), severity="high")
    desk.poll()
    ticket = desk.ticket(ID)
    assert ticket is not None
    assert ticket.priority_id == high
    assert "priority was raised" not in desk.notes(ID)[-1]


def test_a_report_that_changed_meanwhile_is_not_dismissed(desk: Desk) -> None:
    row = quarantined(desk)
    with pytest.raises(QuarantineError, match="newer version"):
        dismiss(row.id, seen_hash="0" * 64)
    [after] = desk.inbox()
    assert after.dismissed_at is None


def test_a_report_that_is_due_already_stays_as_it_is(desk: Desk) -> None:
    row = quarantined(desk)
    retried = retry(row.id)
    assert retry(row.id).version == retried.version == row.version + 1


def test_the_preview_counts_an_excluded_report_without_an_id(desk: Desk) -> None:
    desk.account.add_organization("Globex", id=7)
    desk.map(7, None, tickets=False)
    desk.account.add_raw_incident({**WITHOUT_ID, "organization_id": 7})
    desk.set(polling_started_at=None)
    preview = preview_polling(desk.connection_id)
    assert (preview.tickets, preview.unreadable) == (0, 0)
    assert preview.without_ticket == [(Reason.ORG_OPTED_OUT, 1)]


def test_a_lease_that_is_lost_at_the_end_leaves_the_result_to_its_new_owner(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_args: object, **_values: object) -> None:
        raise LeaseLostError

    monkeypatch.setattr(Lease, "release", lose)
    desk.poll()
    assert desk.connection().last_success_at is None
    assert [run.state for run in runs(desk)] == ["interrupted"]


def test_a_whole_report_that_comes_for_a_row_that_is_gone_is_dropped(desk: Desk) -> None:
    desk.set(lease_token="token")
    with reading() as session:
        connection = read_polled(session, desk.connection_id)
    assert connection is not None
    cycle = Cycle(connection, Lease(connection.id, "token", 120), RunLog(1), portal_url="")
    store_whole(cycle, 999, {"id": ID, "agent_id": 5, "status": "sent"})
    assert desk.inbox() == []
    assert not cycle.wanted_agents


def test_routing_that_is_incomplete_gives_no_settings(desk: Desk) -> None:
    desk.set(board_id=None)
    with reading() as session:
        connection = read_polled(session, desk.connection_id)
    assert connection is not None
    with pytest.raises(ValueError, match="routing is incomplete"):
        _ = connection.ticket_settings


def test_an_incident_that_is_deleted_before_anybody_saw_it_becomes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(poll_connection, "process_inbox", lambda _cycle: None)
        patched.setattr(poll_connection, "is_sweep_due", lambda *_a, **_k: False)
        desk.account.add_incident(now=desk.clock.now(), id=ID)
        desk.poll()
        desk.account.update_incident(ID, now=desk.clock.advance(minutes=1), status="deleting")
        desk.poll()
        assert [row.external_key for row in desk.inbox()] == [str(ID)]
    desk.poll()
    assert (desk.inbox(), desk.alert(ID)) == ([], None)


def test_an_organization_that_is_included_while_its_report_is_planned_waits_a_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ticket is made of the reduced report; the next round fetches it whole."""

    complete, rounds = process_inbox.complete_reports, list[int]()

    def overlook_once(cycle: Cycle, entries: list[InboxEntry], tried: set[int]) -> list[InboxEntry]:
        rounds.append(len(entries))
        return entries if len(rounds) == 1 else complete(cycle, entries, tried)

    desk.account.add_organization("Globex", id=7)
    desk.map(7, None, tickets=False)
    with monkeypatch.context() as patched:
        patched.setattr(poll_connection, "process_inbox", lambda _cycle: None)
        patched.setattr(poll_connection, "is_sweep_due", lambda *_a, **_k: False)
        desk.account.add_incident(7, now=desk.clock.now(), id=ID, subject="Whole")
        desk.poll()
        desk.account.add_incident(8, now=desk.clock.advance(minutes=30))
        desk.poll(minutes=0)  # the next walk does not reach back to the reduced report
    set_mapping(desk.connection_id, "7", tickets=True)
    monkeypatch.setattr(process_inbox, "complete_reports", overlook_once)
    desk.poll()
    ticket = desk.ticket(ID)
    assert ticket is not None
    assert ticket.title.endswith("Whole")
    assert len(rounds) > 1
