"""What telling costs: a poll of 500 tickets with policies and without, and draining the outbox."""

import gc
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil

from bench.accounts import API_KEY, API_SECRET, bench_desk, build_account
from bench.notice_data import add_tickets, facts_of
from webapp import clock
from webapp.domain.notices.policy import Conditions
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import current_config
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Connection, Policy, PolicyStep, Target
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.recipients import Recipient
from webapp.services.notices.write_rows import NewRow, write_rows
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import transaction

ROUNDS = 7
TICKETS = 500
ROWS, TOLD_TICKETS = 10_000, 1_000
KINDS = (Kind.SLACK, Kind.WEBHOOK)
COUNTS = (0, 1, 2)
"""So many targets are told of each ticket."""

SEVERITIES = ("critical", "high", "low")


def measure_telling(kind: str) -> dict[str, float]:
    """Milliseconds for 500 tickets with three policies that fit and without; the median ratio.

    Each policy tells one target; `ratio_of_two` is where each tells two.
    """
    account = build_account(incidents=TICKETS, agents=120, organizations=40)
    rounds = []
    for number in range(ROUNDS):
        order = COUNTS if number % 2 else tuple(reversed(COUNTS))
        rounds.append({targets: _poll(kind, account, targets=targets) for targets in order})
    return {
        "silent_ms": 1000 * statistics.median(seconds[0] for seconds in rounds),
        "told_ms": 1000 * statistics.median(seconds[1] for seconds in rounds),
        "ratio": statistics.median(seconds[1] / seconds[0] for seconds in rounds),
        "ratio_of_two": statistics.median(seconds[2] / seconds[0] for seconds in rounds),
    }


def _poll(kind: str, account: SimulatedAccount, *, targets: int) -> float:
    with (
        Simulator(
            account, api_key=API_KEY, api_secret=API_SECRET, calls_per_window=100_000
        ) as simulator,
        bench_desk(kind, simulator.base_url) as desk,
    ):
        sync_organizations(desk.connection_id)
        if targets:
            _add_policies(KINDS[:targets])
        with transaction() as session:  # it is not the first poll, of which a summary is told
            session.get_one(Connection, desk.connection_id).last_success_at = clock.utcnow()
        gc.collect()  # what is left over from others would be collected at one's expense
        started = time.perf_counter()
        result = poll_connection(desk.connection_id, trigger="command").as_dict()
        seconds = time.perf_counter() - started
        assert result["created"] == TICKETS, result
    return seconds


def _add_policies(kinds: Sequence[Kind]) -> None:
    """Three policies, one a severity, each with a target of each of `kinds`."""
    now = clock.utcnow()
    with transaction() as session:
        for position, severity in enumerate(SEVERITIES):
            targets = [
                Target(
                    name=f"{kind} {severity}",
                    kind=kind.value,
                    settings={"url": "https://example.com"},
                    created_at=now,
                )
                for kind in kinds
            ]
            step = PolicyStep(position=0, after_minutes=0, targets=targets)
            conditions = Conditions(severities=(severity,)).as_json()
            session.add(
                Policy(
                    name=severity,
                    position=position,
                    conditions=conditions,
                    created_at=now,
                    updated_at=now,
                    steps=[step],
                )
            )


def measure_outbox() -> dict[str, float]:
    """Messages a second when 10,000 rows are drained to one webhook, and the memory they take."""
    with bench_desk("sqlite"), _receiver() as url:
        _allow(url)
        key = _fill(url)
        process = psutil.Process()
        before = process.memory_info().rss
        started, sent, highest = time.perf_counter(), 0, before
        while sent < ROWS:
            done = deliver_target(key)
            assert done, "nothing was delivered"
            sent += done
            highest = max(highest, process.memory_info().rss)
        seconds = time.perf_counter() - started
    return {"rows_s": ROWS / seconds, "memory_mb": (highest - before) / 1e6}


def _allow(url: str) -> None:
    object.__setattr__(current_config(), "outbound_hosts", (url,))


def _fill(url: str) -> int:
    """Ten rows of each of 1,000 tickets, in turns: what is told of a ticket keeps its order."""
    now, tickets = clock.utcnow(), add_tickets(TOLD_TICKETS)
    with transaction() as session:
        target = Target(name="hook", kind=Kind.WEBHOOK.value, settings={"url": url}, created_at=now)
        session.add(target)
        session.flush()
        recipient = Recipient(target.id, target.name, target.kind, None, False)
        write_rows(
            session,
            (
                NewRow(
                    key=f"bench:{number}",
                    recipient=recipient,
                    event="ticket.created",
                    facts=facts_of(tickets[number % len(tickets)]),
                    due_at=now,
                    ticket_id=tickets[number % len(tickets)],
                )
                for number in range(ROWS)
            ),
            now,
        )
        return target.id


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _receiver() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
