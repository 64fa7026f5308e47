"""Incidents a second with the API free: pages in memory, everything from there on measured.

Ours includes writing the inbox and reading it back; the plain processor has none. Rounds of both
alternate, and the median of the ratios is reported: the machine's speed drifts.
"""

import statistics
import time
from datetime import timedelta

from sqlalchemy.orm import Session

from bench.accounts import bench_desk, build_account
from bench.baseline import PlainProcessor
from webapp import clock
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import HuntressAgent
from webapp.services.polling.collect_incidents import collect_rows
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.process_inbox import process_inbox
from webapp.services.schedule.lease import claim
from webapp.services.schedule.run_log import start_run
from webapp.services.transactions import transaction

ROUNDS = 5
OUR_ROWS, PLAIN_ROWS = 1000, 300
PAGE = 500


def measure_throughput(kind: str) -> dict[str, float]:
    """Median incidents a second of both on a database of `kind`, and the median ratio."""
    rounds = [_round(kind, number) for number in range(ROUNDS)]
    ours, plain = zip(*rounds, strict=True)
    ratios = [one / other for one, other in rounds]
    return {
        "ours": statistics.median(ours),
        "plain": statistics.median(plain),
        "ratio": statistics.median(ratios),
    }


def _round(kind: str, number: int) -> tuple[float, float]:
    account = build_account(incidents=OUR_ROWS, agents=120, organizations=40)
    with bench_desk(kind) as desk:
        ours = _ours(desk.connection_id, account)
    with bench_desk(kind) as desk:
        plain = _plain(desk.connection_id, account)
    return ours, plain


def _ours(connection_id: int, account: SimulatedAccount) -> float:
    rows = account.incidents()
    with transaction() as session:
        claimed = claim(session, connection_id, seconds=600, only_if_due=False)
        assert claimed is not None
        lease, connection = claimed
        run = start_run(session, connection_id, token=lease.token, trigger="command")
        _cache_agents(session, connection_id, account)
    cycle = Cycle(connection, lease, run, portal_url="https://{subdomain}.test/{incident_id}")
    started = time.perf_counter()
    for first in range(0, len(rows), PAGE):
        collect_rows(cycle, rows[first : first + PAGE])
    process_inbox(cycle)
    seconds = time.perf_counter() - started
    assert cycle.run.counts["created"] == len(rows), cycle.run.counts
    return len(rows) / seconds


def _plain(connection_id: int, account: SimulatedAccount) -> float:
    rows = account.incidents()[:PLAIN_ROWS]
    processor = PlainProcessor(connection_id, lambda seconds: None)
    processor.agents = {str(agent["id"]): agent for agent in account.agents()}
    started = time.perf_counter()
    processor.process(rows)
    return len(rows) / (time.perf_counter() - started)


def _cache_agents(session: Session, connection_id: int, account: SimulatedAccount) -> None:
    now = clock.utcnow()
    session.add_all(
        HuntressAgent(
            connection_id=connection_id,
            external_id=str(agent["id"]),
            hostname=agent["hostname"],
            fetched_at=now - timedelta(minutes=1),
        )
        for agent in account.agents()
    )
