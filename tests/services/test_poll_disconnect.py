"""Disconnecting an account while it is being polled."""

from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from webapp.huntress.simulator import Faults, SimulatedAccount
from webapp.models import PollRun, Ticket
from webapp.services.connect_account import disconnect_account


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
