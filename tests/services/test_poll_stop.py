"""A poll whose process is told to stop."""

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.poller import simulated_desk
from webapp.huntress.client import HuntressClient
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import PollRun, Ticket
from webapp.services.transactions import reading


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
