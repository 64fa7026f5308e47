"""The sweep: closings that an outage hid, incidents that are gone, resuming, one at a time."""

import json
from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import (
    INCIDENTS,
    add_bulk,
    asked,
    break_reports,
    on_list_calls,
    set_faults,
    ticketed_ids,
    use_small_pages,
)
from tests.support.rows import all_rows, change
from webapp.huntress.simulator import Fault
from webapp.models import Alert, Status, Ticket
from webapp.services.polling import sweep_incidents as module

pytestmark = pytest.mark.slow

DAY = 24 * 60
LISTED = [f"{INCIDENTS}?sent", f"{INCIDENTS}?auto_remediating"]


def by_id(*ids: int) -> list[str]:
    return [f"{INCIDENTS}/{one}" for one in ids]


def fail_paths(desk: Desk, fault: Fault, *paths: str) -> None:
    """These paths (as `asked` writes them, without filters) fail from now on."""
    set_faults(desk, on_request=lambda _n, path: fault if path in paths else None)


def swept(desk: Desk, start: int) -> list[str]:
    """What was asked for besides the walk."""
    return asked(desk, start)[1:]


@pytest.fixture
def two_open(desk: Desk) -> Desk:
    """Incidents 1 and 2 are open, each with a ticket; the first sweep is over."""
    add_bulk(desk.account, 2, desk.clock.now())
    desk.poll()
    return desk


@both_databases
def test_a_closing_that_an_outage_hid_is_found_by_its_id(two_open: Desk) -> None:
    desk = two_open
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    closed_at = desk.clock.now()
    desk.account.update_incident(2, now=closed_at, status="closed", closed_at=closed_at)
    # Nobody is told: the walk ends before it comes to the row.
    desk.set(cursor=desk.clock.now() + timedelta(minutes=4))
    assert desk.poll().as_dict()["collected"] == 0
    start = len(desk.simulator.requests)
    outcome = desk.poll(minutes=DAY)
    assert swept(desk, start) == ["/v1/organizations", *LISTED, *by_id(2)]
    assert (outcome.run.is_sweep, outcome.run.closed, outcome.run.noted) == (True, 1, 1)
    assert desk.ticket(2).closed_at == desk.clock.now()
    assert desk.ticket(1).closed_at is None
    assert desk.alert(2).status == "closed"


@both_databases
def test_an_incident_that_is_gone_is_noted_and_its_ticket_stays(two_open: Desk) -> None:
    desk = two_open
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id())
    desk.account.delete_incident(2)
    before = desk.ticket(2).updated_at
    desk.clock.advance(minutes=1)
    outcome = desk.poll(sweep=True)
    assert outcome.is_success, outcome.run.error
    assert outcome.run.noted == 1
    alert = desk.alert(2)
    assert (alert.status, alert.was_closed) == ("deleted", False)
    assert before < desk.ticket(2).updated_at == desk.clock.now()
    assert desk.ticket(2).closed_at is None
    assert desk.notes(2)[-1] == (
        "Huntress no longer has this incident (its status was sent)."
        " The ticket stays open until somebody closes it."
    )
    start = len(desk.simulator.requests)
    assert desk.poll(sweep=True).as_dict()["noted"] == 0
    assert swept(desk, start) == ["/v1/organizations", *LISTED], "it is not asked for again"


def test_of_a_closed_ticket_it_is_not_said_that_it_stays_open(two_open: Desk) -> None:
    desk = two_open
    change(Ticket, desk.ticket(2).id, closed_at=desk.clock.now())
    change(Alert, desk.alert(2).id, status="in_re*view*")
    desk.account.delete_incident(2)
    assert desk.poll(sweep=True).run.noted == 1
    assert desk.notes(2)[-1] == (
        "Huntress no longer has this incident (its status was in_re\\*view\\*)."
    )


def test_the_sweep_finds_open_incidents_that_no_walk_saw(desk: Desk) -> None:
    desk.poll()
    desk.set(cursor=desk.clock.now() + timedelta(hours=2))
    desk.account.add_incident(now=desk.clock.now(), id=5, status="auto_remediating")
    desk.account.add_incident(now=desk.clock.now(), id=6)
    assert desk.poll().as_dict()["collected"] == 0
    outcome = desk.poll(sweep=True)
    assert (outcome.run.collected, outcome.run.created) == (2, 2)
    assert ticketed_ids(desk) == ["5", "6"]


def test_a_change_that_the_walk_missed_is_noted_by_the_sweep(two_open: Desk) -> None:
    desk = two_open
    desk.account.update_incident(1, now=desk.clock.now(), summary="More.", severity="critical")
    desk.set(cursor=desk.clock.now() + timedelta(hours=2))
    assert desk.poll().as_dict()["noted"] == 0
    assert desk.poll(sweep=True).as_dict()["noted"] == 1
    assert desk.alert(1).severity == "critical"


@pytest.mark.parametrize("status", [403, 500])
def test_it_needs_no_list_of_organizations(desk: Desk, status: int) -> None:
    add_bulk(desk.account, 2, desk.clock.now())
    fail_paths(desk, Fault(status=status), "/v1/organizations")
    outcome = desk.poll()
    assert (outcome.is_success, outcome.run.is_sweep) == (True, True), outcome.error
    assert asked(desk)[-2:] == LISTED
    assert desk.connection().last_sweep_at is not None
    assert desk.connection().organizations_synced_at is None
    assert not desk.poll().run.is_sweep


def test_refused_credentials_end_it_before_the_lists(two_open: Desk) -> None:
    desk = two_open
    fail_paths(desk, Fault(status=401), "/v1/organizations")
    assert "refused the credentials" in desk.poll(sweep=True).error
    assert asked(desk)[-1] == "/v1/organizations"


# --- when


def test_it_is_due_in_the_first_cycle_then_daily(desk: Desk) -> None:
    assert desk.poll().run.is_sweep
    first = desk.connection().last_sweep_at
    assert first == desk.clock.now()
    assert not desk.poll(minutes=DAY - 5).run.is_sweep
    assert desk.poll(minutes=5).run.is_sweep
    assert desk.connection().last_sweep_at == first + timedelta(days=1)
    assert not desk.poll().run.is_sweep


def test_it_follows_a_walk_of_more_than_one_page(desk: Desk, monkeypatch) -> None:
    use_small_pages(monkeypatch, 4)
    desk.poll()
    add_bulk(desk.account, 3, desk.clock.now())
    assert not desk.poll().run.is_sweep
    add_bulk(desk.account, 9, desk.clock.now(), step=timedelta(seconds=30), first_id=10)
    assert desk.poll().run.is_sweep
    assert not desk.poll().run.is_sweep


def test_it_is_still_due_when_the_cycle_of_a_long_walk_fails(desk: Desk, monkeypatch) -> None:
    use_small_pages(monkeypatch, 4)
    desk.poll()
    add_bulk(desk.account, 9, desk.clock.now())
    [status] = all_rows(Status, Status.is_default)
    change(Status, status.id, is_default=False)
    assert desk.poll().run.state == "error"
    change(Status, status.id, is_default=True)
    assert desk.poll().run.is_sweep


def test_it_is_still_due_when_the_cycle_of_a_restarted_walk_fails(desk: Desk) -> None:
    desk.poll()
    add_bulk(desk.account, 1, desk.clock.now())
    set_faults(desk, on_request=lambda *_: Fault(status=401))
    desk.poll()
    assert desk.connection().is_walk_cut_off
    set_faults(desk)
    [status] = all_rows(Status, Status.is_default)
    change(Status, status.id, is_default=False)
    assert desk.poll().run.state == "error"
    change(Status, status.id, is_default=True)
    assert desk.poll().run.is_sweep


def test_a_request_is_honoured_once(desk: Desk) -> None:
    desk.poll()
    assert desk.poll(sweep=True).run.is_sweep
    assert not desk.poll().run.is_sweep


# --- cut off


@pytest.mark.parametrize("call", [2, 3, 4])
def test_a_sweep_that_is_cut_off_while_listing_starts_again(
    desk: Desk, monkeypatch, call: int
) -> None:
    """Calls 2 and 3 list what is sent, call 4 what is being remediated."""
    use_small_pages(monkeypatch, 4)
    desk.poll()
    add_bulk(desk.account, 6, desk.clock.now() - timedelta(days=2))
    desk.set(cursor=desk.clock.now())
    set_faults(desk, on_request=on_list_calls(lambda n: Fault(status=401) if n == call else None))
    outcome = desk.poll(sweep=True)
    assert outcome.run.state == "error"
    assert len(ticketed_ids(desk)) == {2: 0, 3: 4, 4: 6}[call], "what was listed does not wait"
    connection = desk.connection()
    assert (connection.sweep_listed_at, connection.is_walk_cut_off) == (None, False)
    assert connection.sweep_started_at == desk.clock.now()
    set_faults(desk)
    outcome = desk.poll()
    assert (outcome.run.is_sweep, outcome.is_success) == (True, True)
    assert ticketed_ids(desk) == [str(one) for one in range(1, 7)]
    connection = desk.connection()
    assert (connection.sweep_started_at, connection.sweep_listed_at) == (None, None)
    assert connection.last_sweep_at == desk.clock.now()


def test_a_sweep_that_is_cut_off_while_checking_goes_on_where_it_was(desk: Desk) -> None:
    add_bulk(desk.account, 6, desk.clock.now())
    desk.poll()
    for one in range(1, 7):
        desk.account.delete_incident(one)
    fail_paths(desk, Fault(status=401), *by_id(4))
    start = len(desk.simulator.requests)
    outcome = desk.poll(sweep=True)
    assert outcome.run.state == "error"
    assert outcome.run.noted == 2
    done = [int(path.rpartition("/")[2]) for path in swept(desk, start)[3:]]
    assert done == [6, 5, 4]
    started = desk.connection().sweep_started_at
    set_faults(desk)
    start = len(desk.simulator.requests)
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert swept(desk, start) == by_id(4, 3, 2, 1), "neither listed nor asked for again"
    assert outcome.run.noted == 4
    assert desk.connection().last_sweep_at == started
    assert {alert.status for alert in all_rows(Alert)} == {"deleted"}


def test_one_incident_that_cannot_be_had_does_not_stop_the_others(desk: Desk) -> None:
    add_bulk(desk.account, 4, desk.clock.now())
    desk.poll()
    for one in (1, 2, 3):
        desk.account.delete_incident(one)
    desk.account.close_incident(4, now=desk.clock.now())
    desk.set(cursor=desk.clock.now() + timedelta(hours=2))
    fail_paths(desk, Fault(status=500), *by_id(2))
    start = len(desk.simulator.requests)
    outcome = desk.poll(sweep=True)
    assert outcome.is_success, outcome.run.error
    assert asked(desk, start).count(*by_id(2)) == 3, "three tries, and no more in this sweep"
    assert desk.connection().sweep_started_at is None
    assert [desk.alert(one).status for one in (1, 2, 3, 4)] == [
        "deleted", "sent", "deleted", "closed",
    ]  # fmt: skip
    assert desk.connection().last_sweep_at is not None
    set_faults(desk)
    desk.poll(minutes=DAY)
    assert desk.alert(2).status == "deleted"


def test_an_outage_while_checking_ends_it_soon(desk: Desk) -> None:
    add_bulk(desk.account, 9, desk.clock.now())
    desk.poll()
    for one in range(1, 10):
        desk.account.delete_incident(one)
    set_faults(desk, on_request=lambda n, _path: Fault(status=500) if n > 4 else None)
    before = desk.connection().last_sweep_at
    start = len(desk.simulator.requests)
    outcome = desk.poll(sweep=True)
    assert outcome.run.state == "error"
    assert "failing on its side" in outcome.run.error
    assert swept(desk, start)[3:] == by_id(*[9] * 3, *[8] * 3, *[7] * 3) + [INCIDENTS] * 3
    assert desk.connection().last_sweep_at == before
    set_faults(desk)
    assert desk.poll().run.noted == 9


def test_incidents_that_never_can_be_had_do_not_keep_the_others_from_being_looked_at(
    desk: Desk,
) -> None:
    add_bulk(desk.account, 7, desk.clock.now())
    desk.poll()
    for one in range(1, 8):
        desk.account.delete_incident(one)
    fail_paths(desk, Fault(status=500), *by_id(3, 4, 5, 6, 7))
    outcome = desk.poll(sweep=True)
    assert outcome.is_success, outcome.run.error
    assert [desk.alert(one).status for one in (1, 2, 3)] == ["deleted", "deleted", "sent"]
    assert desk.connection().sweep_started_at is None


def test_many_that_cannot_be_had_are_spread_over_cycles_and_end_no_sweep(desk: Desk) -> None:
    add_bulk(desk.account, 13, desk.clock.now())
    desk.poll()
    for one in range(1, 14):
        desk.account.delete_incident(one)
    fail_paths(desk, Fault(status=500), *by_id(*range(2, 14)))
    assert desk.poll(sweep=True).is_success
    started_at = desk.connection().sweep_started_at
    assert started_at is not None, "ten failures are enough for one cycle"
    assert desk.alert(1).status == "sent"
    start = len(desk.simulator.requests)
    assert desk.poll().is_success
    assert swept(desk, start) == by_id(3, 3, 3, 2, 2, 2, 1), "not listed, none asked for again"
    assert desk.alert(1).status == "deleted"
    connection = desk.connection()
    assert (connection.sweep_started_at, connection.last_sweep_at) == (None, started_at)


def test_what_could_not_be_had_is_asked_for_again_by_the_next_sweep(desk: Desk) -> None:
    add_bulk(desk.account, 3, desk.clock.now(), status="in_review")  # open, but in neither list
    desk.poll()
    fail_paths(desk, Fault(status=500), *by_id(3))
    assert desk.poll(sweep=True).is_success
    assert desk.alert(3).checked_at is not None
    set_faults(desk)
    start = len(desk.simulator.requests)
    desk.poll(sweep=True)
    assert sorted(swept(desk, start)[3:]) == by_id(1, 2, 3)
    assert desk.alert(3).checked_at is None


def test_a_sweep_that_stays_unfinished_for_a_day_starts_again(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "CHECKED_PER_CYCLE", 1)
    add_bulk(desk.account, 4, desk.clock.now())
    desk.poll()
    for one in range(1, 5):
        desk.account.delete_incident(one)
    desk.poll(sweep=True)
    start = len(desk.simulator.requests)
    desk.poll()
    assert LISTED[0] not in asked(desk, start), "the sweep goes on where it was"
    start = len(desk.simulator.requests)
    desk.poll(minutes=DAY)
    assert LISTED[0] in asked(desk, start), "after a day it starts again with the lists"


def test_more_than_one_cycle_can_check_is_left_to_the_next(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr(module, "CHECKED_PER_CYCLE", 4)
    monkeypatch.setattr(module, "CHECKED_AT_ONCE", 2)
    add_bulk(desk.account, 6, desk.clock.now())
    desk.poll()
    for one in range(1, 7):
        desk.account.delete_incident(one)
    before = desk.connection().last_sweep_at
    assert desk.poll(sweep=True).run.noted == 4
    assert desk.connection().last_sweep_at == before
    assert desk.poll().run.noted == 2
    assert desk.connection().last_sweep_at > before
    assert desk.connection().sweep_started_at is None


# --- what it leaves alone


def test_an_answer_under_another_id_is_taken_for_the_one_that_was_asked_for(desk: Desk) -> None:
    add_bulk(desk.account, 1, desk.clock.now())
    desk.poll()
    row = {**desk.account.incident(1), "id": 99, "status": "closed"}
    desk.account.delete_incident(1)
    body = json.dumps(row).encode()  # the bare object is accepted as well
    fail_paths(desk, Fault(status=200, body=body), *by_id(1))
    assert desk.poll(sweep=True).is_success
    assert desk.alert(1).status == "closed"
    assert desk.alert(99) is None
    assert desk.count(Ticket) == 1


def test_what_waits_in_quarantine_is_not_doubled(desk: Desk, monkeypatch) -> None:
    add_bulk(desk.account, 1, desk.clock.now())
    desk.account.add_raw_incident({"no": "id"})
    broken = break_reports(monkeypatch, 1)
    for minutes in (5, 5, 10):
        desk.poll(minutes=minutes, sweep=True)
    assert desk.poll(sweep=True).is_success
    assert desk.count(Ticket) == 2
    broken.clear()
    desk.poll(minutes=60, sweep=True)
    assert desk.count(Ticket) == 2
    assert not desk.alert(1).is_incomplete


def test_excluded_organizations_are_swept_too_and_stay_bare(desk: Desk) -> None:
    desk.map(7, None, tickets=False)
    desk.account.add_incident(7, now=desk.clock.now(), id=1, summary="SECRET")
    desk.poll()
    desk.set(cursor=desk.clock.now() + timedelta(hours=2))
    desk.account.close_incident(1, now=desk.clock.now())
    assert desk.poll(sweep=True).as_dict()["recorded"] == 1
    alert = desk.alert(1)
    assert (alert.status, alert.raw_report, desk.ticket(1)) == ("closed", None, None)


def test_a_deleted_incident_without_a_ticket_is_recorded(desk: Desk) -> None:
    desk.map(7, None, tickets=False)
    desk.account.add_incident(7, now=desk.clock.now(), id=1)
    desk.poll()
    desk.account.delete_incident(1)
    outcome = desk.poll(sweep=True)
    assert (outcome.run.recorded, outcome.run.noted) == (1, 0)
    assert desk.alert(1).status == "deleted"


def test_one_that_comes_back_after_it_was_gone_is_noted(two_open: Desk) -> None:
    desk = two_open
    row = desk.account.incident(2)
    desk.account.delete_incident(2)
    desk.poll(sweep=True)
    desk.account.incident_rows[2] = {**row, "updated_at": "2026-06-09T12:09:00Z"}
    assert desk.poll(sweep=True).as_dict()["noted"] == 1
    assert desk.alert(2).status == "sent"
    assert desk.count(Ticket) == 2
