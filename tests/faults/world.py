"""A whole installation (`triagedesk up`) over a simulated account, to break and to look at."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import requests
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.installation import MANY_CALLS, RealClock
from tests.support.poller import API_KEY, API_SECRET, Desk
from tests.support.polling import add_bulk
from tests.support.processes import ROOT, Up, run_python, run_triagedesk
from tests.support.waiting import wait_until
from webapp import create_app
from webapp.clock import utcnow
from webapp.config import load_config
from webapp.huntress.simulator import Faults, SimulatedAccount, Simulator
from webapp.models import Connection, InboxRow, PollRun, Ticket
from webapp.services.transactions import reading

INCIDENTS = 2_000
SETTLED_SECONDS = 60


class World:
    """One installation, its account, and what tells whether it is well.

    `interval_minutes` is the longest there is, so that nothing is repaired by the next poll.
    """

    def __init__(
        self,
        folder: Path,
        *,
        interval_minutes: int = 60,
        module: str = "webapp",
        now: Callable[[], datetime] = utcnow,
        **variables: str,
    ) -> None:
        self.folder, self._module, self.now = folder, module, now
        self.account = SimulatedAccount(now=now() - timedelta(days=1))
        self.simulator = Simulator(
            self.account,
            clock=now,
            api_key=API_KEY,
            api_secret=API_SECRET,
            calls_per_window=MANY_CALLS,
        ).start()
        self.env = {
            "TRIAGEDESK_HUNTRESS_HOSTS": self.simulator.base_url,
            "TRIAGEDESK_HUNTRESS_CALLS_PER_MINUTE": str(MANY_CALLS),
            "TRIAGEDESK_SECRET_KEY": SECRET_KEY,
            "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY,
            "PYTHONPATH": str(ROOT),
            **variables,
        }
        self.data_dir = folder / "data"
        settings = {**self.env, "TRIAGEDESK_DATA_DIR": str(self.data_dir)}
        migrated = run_triagedesk("migrate", **settings)
        assert migrated.returncode == 0, migrated.stderr
        self.app: Flask = create_app(load_config(settings))
        with self.app.app_context():
            self.desk = Desk(self.simulator, RealClock())  # type: ignore[arg-type]
            self.desk.set(poll_interval_minutes=interval_minutes)
        self.up = self.start()

    def start(self) -> Up:
        """Start `triagedesk up` (again) and wait until it serves pages."""
        self.up = Up(self.folder, module=self._module, **self.env)
        assert self.up.is_ready, self.up.output
        return self.up

    def close(self) -> None:
        """End everything."""
        self.up.close()
        self.simulator.stop()

    def settle(self) -> None:
        """Wait until the first poll, of an account without incidents, is over."""
        assert wait_until(lambda: self.runs_ended() > 0, SETTLED_SECONDS), self.up.output

    def begin_poll(self) -> list[int]:
        """Add incidents, ask for a poll, wait until it is in the midst of them; return the ids."""
        ids = add_bulk(self.account, INCIDENTS, self.now(), step=timedelta(milliseconds=10))
        with self.app.app_context():
            self.desk.set(poll_requested_at=self.now())
        assert wait_until(lambda: 0 < self.tickets() < INCIDENTS, 30), self.up.output[-3000:]
        return ids

    def runs_ended(self) -> int:
        """How many polls have ended well."""
        return self._count(select(func.count()).where(PollRun.state == "completed"))

    def runs(self) -> int:
        """How many polls have begun."""
        return self._count(select(func.count()).select_from(PollRun))

    def tickets(self) -> int:
        """How many tickets there are; -1 while the database cannot be asked."""
        return self._count(select(func.count()).select_from(Ticket))

    def lease_holder(self) -> str | None:
        """The process that polls, by its identity."""
        with self.app.app_context(), reading() as session:
            return session.scalars(select(Connection.lease_holder)).one()

    def is_complete(self, ids: Sequence[int]) -> bool:
        """Whether every incident has its ticket and nothing waits."""
        waiting = self._count(select(func.count()).select_from(InboxRow))
        return waiting == 0 and self.tickets() >= len(ids)

    def _count(self, query: object) -> int:
        try:
            with self.app.app_context(), reading() as session:
                return int(session.scalar(query) or 0)  # type: ignore[call-overload]
        except SQLAlchemyError:
            return -1

    def lost_and_doubled(self, ids: Sequence[int]) -> tuple[int, int]:
        """How many incidents have no ticket, and how many tickets are one too many."""
        with self.app.app_context(), reading() as session:
            found = list(session.scalars(select(Ticket.source_reference)))
        return len({str(one) for one in ids} - set(found)), len(found) - len(set(found))

    def workers(self) -> list[psutil.Process]:
        """The processes that the pool has forked: each runs jobs of one queue."""
        return self.up.part("worker").children()

    def poll_process(self) -> psutil.Process:
        """The process that polls: of the jobs' processes, the one that is there the longest."""
        jobs = [job for worker in self.workers() for job in worker.children()]
        return min(jobs, key=lambda job: job.create_time())

    def family(self, *, without_valkey: bool = True) -> Iterator[psutil.Process]:
        """The parts and what they have started."""
        for process in self.up.family()[1:]:
            if not (without_valkey and "valkey" in process.name()):
                yield process

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        """Somebody else holds SQLite's write lock."""
        with closing(sqlite3.connect(self.data_dir / "triagedesk.db", timeout=60)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.rollback()

    def set_faults(self, **switches: object) -> None:
        """Other faults of Huntress from now on; none: all is well."""
        self.simulator.faults = Faults(**switches)  # type: ignore[arg-type]

    def doctor(self) -> tuple[int, dict[str, str]]:
        """Ask `doctor`: its exit code, and what it says about each check that is not well."""
        words = ("-m", self._module, "doctor", "--json")
        done = run_python(*words, **self.env, TRIAGEDESK_DATA_DIR=str(self.data_dir))
        try:
            checks = json.loads(done.stdout)["checks"]
        except (ValueError, KeyError):
            return done.returncode, {"doctor": done.stderr.strip().splitlines()[-1]}
        return done.returncode, {
            check["name"]: check["detail"] for check in checks if not check["ok"]
        }

    def ready(self) -> int:
        """The status of /readyz; 0 where nobody answers."""
        try:
            return requests.get(f"{self.up.url}/readyz", timeout=10).status_code
        except requests.RequestException:
            return 0


def seconds_since(start: float) -> float:
    """Seconds that have gone by since a `time.monotonic()`."""
    return round(time.monotonic() - start, 1)
