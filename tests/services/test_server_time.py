from datetime import datetime, timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import START, FakeClock
from tests.support.rows import add
from webapp.clock import SharedClock, replaced, shared
from webapp.extensions import db, read_server_time
from webapp.huntress.budget import Granted
from webapp.models import Connection
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.schedule.lease import claim
from webapp.services.transactions import transaction


@both_databases
def test_the_time_of_a_server_is_read_outside_any_transaction(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        assert shared.skew() == timedelta(0), "this machine's clock is the only one"
        return
    answer = read_server_time(db.engine)
    assert answer is not None
    assert abs(answer - SharedClock().now()) < timedelta(minutes=1)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_machines_ten_minutes_apart_poll_and_call_as_one(app: Flask) -> None:
    """Five minutes pass: the server's own time and these steps, with which it goes on."""
    world, server = FakeClock(), db.engine
    began_at = read_server_time(server)
    assert began_at is not None

    def ask() -> datetime | None:
        time = read_server_time(server)
        return None if time is None else time + (world.now() - START)

    def machine(ahead: timedelta) -> SharedClock:
        made = SharedClock(
            lambda: began_at + (world.now() - START) + ahead,
            lambda: (world.now() - START).total_seconds(),
        )
        made.follow(ask)
        return made

    machines = [machine(timedelta(0)), machine(timedelta(minutes=10))]
    key = add(
        Connection(
            **{"name": "A", "base_url": "", "account_id": "1", "created_at": began_at},
            **{"polling_started_at": began_at, "poll_interval_minutes": 1},
        )
    ).id
    ledger, polls, calls = DatabaseLedger(key, 3), 0, 0
    for _ in range(30):
        for one in machines:
            with replaced(one.now, world.sleep):
                polls += _poll_if_due(key)
                calls += _use_up(ledger, one)
        world.advance(seconds=10)
    assert machines[1].skew() > timedelta(minutes=9)
    assert (polls, calls) == (5, 3 * 5)


def _poll_if_due(key: int) -> bool:
    with transaction() as session:
        claimed = claim(session, key, seconds=60, only_if_due=True)
        if claimed is None:
            return False
        claimed[0].release(session)
        return True


def _use_up(ledger: DatabaseLedger, clock: SharedClock) -> int:
    """Make every call that the window allows now."""
    calls = 0
    while isinstance(got := ledger.reserve("GET", "/", clock.now()), Granted):
        ledger.finish(got.reservation_id, clock.now(), status=200, milliseconds=1, rows=1)
        calls += 1
    return calls
