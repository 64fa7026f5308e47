"""Disconnecting an account while it is being polled."""

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.poller import API_KEY, API_SECRET, Desk, simulated_desk
from tests.support.polling import add_bulk, runs
from webapp.huntress.simulator import Faults, SimulatedAccount
from webapp.models import PollRun, Ticket
from webapp.services.connections.connect_account import disconnect_account


def _disconnect_at(desk: Desk, app: Flask, call: int) -> None:
    def on_request(index: int, path: str) -> None:
        if index == call:
            with app.app_context():
                disconnect_account(desk.connection_id)

    desk.simulator.faults = Faults(on_request=on_request)


def test_a_running_poll_stops_at_its_next_write(app: Flask, fake_clock: FakeClock) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    account.add_incident(account.add_organization("Acme")["id"], now=fake_clock.now())
    with simulated_desk(app, fake_clock, account) as desk:
        _disconnect_at(desk, app, 1)
        outcome = desk.poll()
        assert not outcome.is_success
        assert outcome.run is not None
        assert outcome.run.state == "interrupted"
        assert desk.count(Ticket) == 0
        assert desk.connection().api_secret is None
        assert desk.connection().lease_token is None


def test_the_next_poll_says_that_the_account_is_disconnected(
    app: Flask, fake_clock: FakeClock
) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account) as desk:
        _disconnect_at(desk, app, 1)
        desk.poll()
        outcome = desk.poll()
        assert outcome.skip_reason == "inactive"
        assert desk.count(PollRun) == 2


@pytest.mark.parametrize("call", [1, 2])
def test_once_connected_again_a_sweep_makes_up_for_the_walk(
    app: Flask, desk: Desk, call: int
) -> None:
    """Disconnected in the walk, or (asked for) in the sweep."""
    add_bulk(desk.account, 1, desk.clock.now())
    desk.poll()
    assert not desk.poll().run.is_sweep
    _disconnect_at(desk, app, call)
    desk.account.update_incident(1, now=desk.clock.now(), summary="More.")
    desk.poll(sweep=call == 2)
    desk.simulator.faults = Faults()
    desk.set(disconnected_at=None, api_key=API_KEY, api_secret=API_SECRET)
    outcome = desk.poll()
    assert (outcome.is_success, outcome.run.is_sweep) == (True, True)
    assert desk.connection().last_sweep_at == desk.clock.now()


def test_no_run_is_left_running(app: Flask, desk: Desk) -> None:
    """The process died; the account is disconnected before anybody takes over its lease."""
    states: list[str] = []

    def on_request(index: int, path: str) -> None:
        if index == 1:
            with app.app_context():
                disconnect_account(desk.connection_id)
                states.append(runs(desk)[-1].state)

    desk.simulator.faults = Faults(on_request=on_request)
    desk.poll()
    assert states == ["interrupted"]


def test_a_sweep_that_was_due_stays_due(desk: Desk) -> None:
    desk.poll()
    desk.clock.advance(seconds=1)
    desk.set(sweep_requested_at=desk.clock.now())
    disconnect_account(desk.connection_id)
    desk.set(disconnected_at=None, api_key=API_KEY, api_secret=API_SECRET)
    assert desk.poll().run.is_sweep
