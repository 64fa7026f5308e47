"""Polls that were asked for: one request makes one poll, whoever carries it out."""

from datetime import timedelta

from flask import Flask

from tests.support.poller import Desk
from webapp.huntress.simulator import Faults
from webapp.services.polling.manage_polling import request_poll
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule.due_connections import find_due_connections


def _poll_while(desk: Desk, app: Flask, *, sweep: bool) -> None:
    """Poll, and ask for a poll in the middle of it."""

    def on_request(index: int, path: str) -> None:
        if index == 1:
            with app.app_context():
                request_poll(desk.connection_id, actor_id=None, sweep=sweep)

    desk.simulator.faults = Faults(on_request=on_request)
    assert desk.poll().is_success


def test_a_request_is_carried_out_once(desk: Desk) -> None:
    desk.poll()
    request_poll(desk.connection_id, actor_id=None)
    assert find_due_connections(desk.clock.now()) == [desk.connection_id]
    assert poll_connection(desk.connection_id, trigger="manual").is_success
    assert find_due_connections(desk.clock.now()) == []
    assert poll_connection(desk.connection_id, trigger="manual").skip_reason == "not_due"


def test_a_request_during_a_poll_joins_it(desk: Desk, app: Flask) -> None:
    _poll_while(desk, app, sweep=False)
    assert find_due_connections(desk.clock.now()) == []


def test_a_sweep_asked_for_during_a_poll_gets_a_poll_of_its_own(desk: Desk, app: Flask) -> None:
    desk.poll()
    _poll_while(desk, app, sweep=True)
    assert find_due_connections(desk.clock.now()) == [desk.connection_id]
    outcome = poll_connection(desk.connection_id, trigger="manual")
    assert outcome.run is not None
    assert outcome.run.is_sweep


def test_a_request_counts_whatever_the_clock_of_the_machine_that_made_it(desk: Desk) -> None:
    desk.poll()
    desk.set(poll_requested_at=desk.clock.now() - timedelta(hours=1))
    assert find_due_connections(desk.clock.now()) == [desk.connection_id]
    assert poll_connection(desk.connection_id, trigger="schedule").is_success
    desk.set(poll_requested_at=desk.clock.now() + timedelta(hours=1))
    assert poll_connection(desk.connection_id, trigger="schedule").is_success
    assert find_due_connections(desk.clock.now()) == []
