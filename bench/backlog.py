"""A backlog of 500 incidents, 120 agents, 40 organizations: calls and wall time.

The simulator enforces Huntress's real window of 60 calls a minute; both sides fetch over HTTP.
The plain processor's pauses are added up instead of being waited for.
"""

import time
from datetime import timedelta

from bench.accounts import API_KEY, API_SECRET, bench_desk, build_account
from bench.baseline import PlainProcessor
from webapp import clock
from webapp.domain.cursor_walk import CursorWalk
from webapp.extensions import current_config
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Connection
from webapp.services.calls.open_client import open_client
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

INCIDENTS, AGENTS, ORGANIZATIONS = 500, 120, 40


def measure_backlog() -> dict[str, float]:
    """Calls and seconds of both; ours with a window of 60 calls a minute on both sides."""
    account = build_account(incidents=INCIDENTS, agents=AGENTS, organizations=ORGANIZATIONS)
    ours = _ours(account)
    plain = _plain(account)
    return {**ours, **plain}


def _ours(account: SimulatedAccount) -> dict[str, float]:
    with (
        Simulator(account, api_key=API_KEY, api_secret=API_SECRET) as simulator,
        bench_desk("sqlite", simulator.base_url, calls_per_minute=60) as desk,
    ):
        sync_organizations(desk.connection_id)
        before = len(simulator.requests)
        started = time.perf_counter()
        outcome = poll_connection(desk.connection_id, trigger="command")
        seconds = time.perf_counter() - started
        result = outcome.as_dict()
        assert result["created"] == INCIDENTS, result
        refused = sum(request.status == 429 for request in simulator.requests)
        assert refused == 0, "the window was overrun"
        return {"calls": len(simulator.requests) - before, "seconds": seconds}


def _plain(account: SimulatedAccount) -> dict[str, float]:
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    with (
        Simulator(
            account, api_key=API_KEY, api_secret=API_SECRET, calls_per_window=100_000
        ) as simulator,
        bench_desk("sqlite", simulator.base_url) as desk,
    ):
        sync_organizations(desk.connection_id)
        with reading() as session:
            connection = session.get_one(Connection, desk.connection_id)
        processor = PlainProcessor(desk.connection_id, pause)
        started = time.perf_counter()
        walk = CursorWalk(low=clock.utcnow() - timedelta(days=7), cursor=None)
        client = open_client(connection, current_config())
        rows = processor.fetch(client, walk)
        client.close()
        processor.process(rows)
        seconds = time.perf_counter() - started + waited
        return {"plain_calls": processor.calls, "plain_seconds": seconds}
