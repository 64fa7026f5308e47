"""What a poll that did not end leaves behind is done at once, not after the next interval."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import add_bulk, break_reports, runs
from webapp.models import Ticket
from webapp.process_identity import own_identity
from webapp.services.polling import database_outage, give_back, process_inbox, walk_incidents
from webapp.services.polling import poll_connection as module
from webapp.services.polling.database_outage import DATABASE_PAUSES
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule import lease
from webapp.services.schedule.due_connections import find_due_connections
from webapp.services.schedule.lease import claim
from webapp.services.schedule.run_log import start_run
from webapp.services.transactions import transaction

LONGEST = 60


@pytest.fixture
def hourly(desk: Desk) -> Desk:
    """A desk that polls once an hour, and has just done so."""
    desk.set(poll_interval_minutes=LONGEST)
    desk.poll()
    assert find_due_connections(desk.clock.now()) == []
    return desk


def interrupt(desk: Desk, holder: str, trigger: str = "schedule") -> None:
    """As if a process had died amid a poll."""
    desk.clock.advance(minutes=LONGEST)
    with transaction() as session:
        claimed = claim(session, desk.connection_id, seconds=120, only_if_due=True)
        assert claimed is not None
        token = claimed[0].token
        start_run(session, desk.connection_id, token=token, trigger=trigger)
    desk.set(lease_holder=holder)
    desk.clock.advance(seconds=1)


GONE = str(replace(own_identity(), started="1"))
"""A process that had this one's number before."""


@both_databases
def test_the_lease_of_a_process_that_has_ended_is_given_back_and_the_poll_is_due(
    hourly: Desk,
) -> None:
    interrupt(hourly, GONE)
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]
    assert poll_connection(hourly.connection_id, trigger="schedule").is_success
    assert [run.state for run in runs(hourly)][-1] == "completed"
    assert find_due_connections(hourly.clock.now()) == []


def test_the_tick_that_ends_a_lease_finds_the_poll_due(hourly: Desk) -> None:
    """It read the time before it looked for processes that have ended."""
    interrupt(hourly, GONE)
    began_at = hourly.clock.now()
    hourly.clock.advance(seconds=1)
    assert find_due_connections(began_at) == [hourly.connection_id]


def test_a_command_takes_over_from_a_process_that_has_ended(hourly: Desk) -> None:
    interrupt(hourly, GONE)
    outcome = poll_connection(hourly.connection_id, trigger="command")
    assert (outcome.is_success, outcome.joined_run_id) == (True, None)
    assert [run.state for run in runs(hourly)] == ["completed", "interrupted", "completed"]


def test_the_lease_of_a_living_process_is_left_alone(hourly: Desk) -> None:
    interrupt(hourly, str(own_identity()))
    assert find_due_connections(hourly.clock.now()) == []


ELSEWHERE = "elsewhere/0123|boot/pid:[1]|1|1"


@both_databases
def test_a_poll_on_a_machine_whose_worker_fell_silent_is_due(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "processes_of_silent_workers", set)
    interrupt(hourly, ELSEWHERE)
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]
    assert poll_connection(hourly.connection_id, trigger="schedule").is_success


def test_a_command_needs_no_worker_on_its_machine(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "processes_of_silent_workers", set)
    interrupt(hourly, ELSEWHERE, trigger="command")
    assert find_due_connections(hourly.clock.now()) == []


def test_a_process_of_another_machine_keeps_its_lease_until_it_ends(hourly: Desk) -> None:
    """Redis cannot be asked here."""
    interrupt(hourly, ELSEWHERE)
    assert find_due_connections(hourly.clock.now()) == []
    hourly.clock.advance(seconds=120)
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]


def test_a_poll_that_was_told_to_stop_is_due_at_once(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(walk_incidents, "collect_rows", stop)
        with pytest.raises(SystemExit):
            hourly.poll(minutes=LONGEST)
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]


@pytest.mark.parametrize("step", ["_claim", "_finish"])
def test_a_poll_that_is_told_to_stop_between_two_steps_gives_its_lease_back(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The claim is committed, but nobody knows of it; the result is not recorded yet."""
    real = getattr(module, step)

    def stop(*args: object) -> None:
        if step == "_claim":
            real(*args)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(module, step, stop)
        with pytest.raises(SystemExit):
            hourly.poll(minutes=LONGEST)
    assert hourly.connection().lease_token is None
    assert runs(hourly)[-1].state == "interrupted"
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]


def test_a_stop_between_two_steps_is_obeyed_though_the_database_is_away(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(module, "_finish", stop)
        Database(patch, give_back, "take_back_attempts").failing = range(1, 2)
        with pytest.raises(SystemExit):
            hourly.poll(minutes=LONGEST)
    assert hourly.connection().lease_token is not None
    assert hourly.poll(minutes=LONGEST).is_success
    assert [run.state for run in runs(hourly)] == ["completed", "interrupted", "completed"]


@both_databases
def test_reports_that_a_failed_poll_left_behind_wait_a_minute_not_an_hour(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bulk(hourly.account, 3, hourly.clock.now())
    with monkeypatch.context() as patch:
        patch.setattr(module, "process_inbox", _fail)
        assert not hourly.poll(minutes=LONGEST).is_success
    assert len(hourly.inbox()) == 3
    hourly.clock.advance(seconds=59)
    assert find_due_connections(hourly.clock.now()) == []
    hourly.clock.advance(seconds=1)
    assert find_due_connections(hourly.clock.now()) == [hourly.connection_id]
    assert poll_connection(hourly.connection_id, trigger="schedule").run.created == 3


def test_a_report_that_failed_is_tried_when_its_time_has_come_not_with_the_next_poll(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bulk(hourly.account, 1, hourly.clock.now())
    break_reports(monkeypatch, 1)
    hourly.poll(minutes=LONGEST)
    [row] = hourly.inbox()
    assert find_due_connections(row.next_try_at - timedelta(seconds=1)) == []
    assert find_due_connections(row.next_try_at) == [hourly.connection_id]


def _fail(*_: object) -> None:
    raise RuntimeError("a step that fails")


class Database:
    """Goes away for some calls of a function of the poll."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
        self.calls = 0
        self.failing: range = range(0)
        self._real = getattr(module, name)
        monkeypatch.setattr(module, name, self._call)

    def _call(self, *args: object, **options: object) -> object:
        self.calls += 1
        if self.calls in self.failing:
            raise OperationalError("UPDATE", {}, Exception("server closed the connection"))
        return self._real(*args, **options)


def test_a_database_that_comes_back_costs_a_pause_and_no_attempt(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processing fails, and so do the trial ticket and the first look whether it is back."""
    add_bulk(hourly.account, 3, hourly.clock.now())
    for part, name in (
        (process_inbox, "write_incidents"),
        (process_inbox, "can_write_tickets"),
        (database_outage, "take_back_attempts"),
    ):
        Database(monkeypatch, part, name).failing = range(1, 2)
    outcome = hourly.poll(minutes=LONGEST)
    assert outcome.is_success
    assert outcome.run.created == 3
    assert hourly.count(Ticket) == 3
    assert hourly.inbox() == []
    assert [run.state for run in runs(hourly)] == ["completed", "completed"]


def test_a_database_that_stays_away_ends_the_poll_in_a_sentence(
    hourly: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(monkeypatch, walk_incidents, "collect_rows")
    database.failing = range(1, 100)
    outcome = hourly.poll(minutes=LONGEST)
    assert not outcome.is_success
    assert database.calls == len(DATABASE_PAUSES) + 1
    assert hourly.connection().lease_token is None
