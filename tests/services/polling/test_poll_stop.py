"""A poll whose process is told to stop."""

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.polling import add_bulk, break_reports, runs
from webapp.huntress.client import HuntressClient
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import Connection, PollRun, Ticket
from webapp.services.polling import give_back, poll_connection, process_inbox, walk_incidents
from webapp.services.schedule.lease import claim
from webapp.services.transactions import reading, transaction


@pytest.mark.parametrize("signal", [SystemExit, KeyboardInterrupt])
def test_the_lease_is_given_back_and_the_next_poll_does_the_work(
    app: Flask,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    signal: type[BaseException],
) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    account.add_incident(account.add_organization("Acme")["id"], now=fake_clock.now())

    def stop(*_args: object, **_options: object) -> None:
        raise signal

    with simulated_desk(app, fake_clock, account) as desk:
        with monkeypatch.context() as patch:
            patch.setattr(HuntressClient, "get_organization", stop)
            with pytest.raises(signal):
                desk.poll()
        assert desk.connection().lease_token is None
        with reading() as session:
            assert session.get_one(PollRun, 1).state == "interrupted"
        assert desk.count(Ticket) == 0
        outcome = desk.poll(minutes=0)
        assert outcome.is_success
        assert desk.count(Ticket) == 1


def stop(*_args: object, **_options: object) -> None:
    """In the place of a step: here the process is told to stop."""
    raise SystemExit


@pytest.fixture
def swept(desk: Desk) -> Desk:
    """Two incidents have their tickets, and the first sweep is over."""
    add_bulk(desk.account, 2, desk.clock.now())
    desk.poll()
    assert not desk.poll().run.is_sweep
    return desk


@both_databases
def test_a_sweep_follows_a_walk_that_was_stopped(
    swept: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(walk_incidents, "collect_rows", stop)
        with pytest.raises(SystemExit):
            swept.poll()
    assert swept.connection().is_walk_cut_off
    assert swept.poll().run.is_sweep
    assert not swept.poll().run.is_sweep


def test_a_sweep_follows_a_killed_run_also_when_the_next_one_is_stopped_before_its_walk(
    swept: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        claim(session, swept.connection_id, seconds=1, only_if_due=False)
    with monkeypatch.context() as patch:
        patch.setattr(poll_connection, "open_client", stop)
        with pytest.raises(SystemExit):
            swept.poll()
    assert swept.poll().run.is_sweep


def test_a_stop_after_the_walk_asks_for_no_sweep(
    swept: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(poll_connection, "process_inbox", stop)
        with pytest.raises(SystemExit):
            swept.poll()
    assert not swept.poll().run.is_sweep


@both_databases
def test_stops_quarantine_no_report(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    add_bulk(desk.account, 2, desk.clock.now())
    with monkeypatch.context() as patch:
        patch.setattr(process_inbox, "write_incidents", stop)
        for _ in range(4):
            with pytest.raises(SystemExit):
                desk.poll(minutes=0)
            rows = [(row.attempts, row.error, row.in_flight_token) for row in desk.inbox()]
            assert rows == [(0, None, None)] * 2
    assert desk.poll(minutes=0).run.created == 2


def test_a_stop_takes_back_its_own_attempt_and_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incident 1 failed once; the process is stopped whenever it is tried again."""
    add_bulk(desk.account, 1, desk.clock.now())
    broken = break_reports(monkeypatch, 1)
    desk.poll()
    with monkeypatch.context() as patch:
        patch.setattr(process_inbox, "write_incidents", stop)
        for minutes in (5, 0, 0, 0):  # due after five minutes, and at once from then on
            with pytest.raises(SystemExit):
                desk.poll(minutes=minutes)
            [row] = desk.inbox()
            assert (row.attempts, row.quarantined_at, row.in_flight_token) == (1, None, None)
            assert row.next_try_at == desk.clock.now()
    broken.clear()
    outcome = desk.poll(minutes=0)
    assert (outcome.run.created, outcome.run.quarantined) == (1, 0)


@pytest.mark.parametrize("trouble", ["lease", "database"])
def test_the_process_stops_also_when_the_lease_cannot_be_given_back(
    swept: Desk, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    def lose_lease_and_stop(*_args: object, **_options: object) -> None:
        if trouble == "lease":
            with transaction() as session:
                session.execute(update(Connection).values(lease_token=None))
        raise SystemExit(7)

    def fail(*_args: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(walk_incidents, "collect_rows", lose_lease_and_stop)
        if trouble == "database":
            patch.setattr(give_back, "take_back_attempts", fail)
        with pytest.raises(SystemExit) as stopped:
            swept.poll()
    assert stopped.value.code == 7
    assert swept.poll(minutes=60).is_success
    assert [run.state for run in runs(swept)] == [
        "completed", "completed", "interrupted", "completed",
    ]  # fmt: skip
