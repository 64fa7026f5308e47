"""A backlog of 12,000 incidents drained by one process: completeness and peak memory."""

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta

from bench.accounts import API_KEY, API_SECRET, bench_desk, build_account
from bench.baseline import PlainProcessor
from webapp import clock, create_app
from webapp.domain.cursor_walk import CursorWalk
from webapp.extensions import current_config
from webapp.huntress.simulator import Simulator
from webapp.models import Connection
from webapp.services.calls.open_client import open_client
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

INCIDENTS = 12_000


def measure_drain() -> dict[str, float]:
    """What one `poll` of 12,000 incidents creates, and the most memory its process had (MB)."""
    account = build_account(incidents=INCIDENTS, agents=120, organizations=40)
    with (
        Simulator(
            account, api_key=API_KEY, api_secret=API_SECRET, calls_per_window=100_000
        ) as simulator,
        bench_desk("sqlite", simulator.base_url) as desk,
    ):
        config = current_config()
        environment = {
            **os.environ,
            "TRIAGEDESK_DATA_DIR": str(config.data_dir),
            "TRIAGEDESK_SECRET_KEY": config.secret_key,
            "TRIAGEDESK_ENCRYPTION_KEYS": config.encryption_keys[0],
            "TRIAGEDESK_HUNTRESS_HOSTS": simulator.base_url,
            "TRIAGEDESK_HUNTRESS_CALLS_PER_MINUTE": "100000",
        }
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "bench.drain", str(desk.connection_id)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - started
        plain = _walk_plainly(desk.connection_id)
    result = json.loads(done.stdout.splitlines()[-1])
    return {
        "created": result["created"],
        "peak_mb": result["peak_mb"],
        "seconds": seconds,
        "plain_created": plain,
    }


def _walk_plainly(connection_id: int) -> int:
    """How many incidents the plain processor gets to see, a ticket each."""
    with reading() as session:
        connection = session.get_one(Connection, connection_id)
    walk = CursorWalk(low=clock.utcnow() - timedelta(days=7), cursor=None)
    processor = PlainProcessor(connection_id, lambda _seconds: None)
    with closing(open_client(connection, current_config())) as client:
        return len({row["id"] for row in processor.walk(client, walk)})


def main() -> None:
    """The process that is measured: one poll of the connection named."""
    app = create_app()
    with app.app_context():
        outcome = poll_connection(int(sys.argv[1]), trigger="command")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"created": outcome.as_dict()["created"], "peak_mb": peak}))


if __name__ == "__main__":
    main()
