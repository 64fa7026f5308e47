"""An installation with a real clock: parts that run as processes, a simulated account, a desk."""

import os
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from rq.job import Job
from sqlalchemy import func, select, update

from tests.support.poller import Desk
from tests.support.processes import Command, close_all
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.clock import utcnow
from webapp.jobs.scheduler import TriageScheduler
from webapp.models import Alert, Connection, InboxRow, PollRun, Ticket
from webapp.services.transactions import reading, transaction
from webapp.task_queue import POLL_QUEUE, make_queue

MANY_CALLS = 100_000
TICK_SECONDS = 15
"""Longer than a tick takes to come round (a second), however busy the machine is."""


class RealClock:
    """For a Desk: time passes by itself."""

    def now(self) -> datetime:
        return utcnow()

    def advance(self, **_step: float) -> datetime:
        return utcnow()


class Installation:
    """A desk, its account, and how to start parts of it as processes of their own."""

    def __init__(self, desk: Desk, env: dict[str, str], folder: Path) -> None:
        self.desk = desk
        self.env = env
        self._folder = folder
        self._started: list[Command] = []

    @property
    def log(self) -> str:
        """What the parts have said lately."""
        return "\n".join(part.output[-3000:] for part in self._started)

    def start(self, part: str, module: str = "tests.support.parts") -> Command:
        """Start "worker", "scheduler" or "polls"; `module` may be the product's own."""
        folder = self._folder / f"part-{len(self._started)}"
        command = Command(["-m", module, part], folder, self.env, piped=part == "polls")
        self._started.append(command)
        return command

    def close(self) -> None:
        """End every part."""
        close_all(self._started)

    def add_connection(self, name: str) -> int:
        """Another connection to the same account, as far as the database can tell another one."""
        columns = [one.key for one in Connection.__table__.columns if one.key != "id"]
        with transaction() as session:
            first = session.get_one(Connection, self.desk.connection_id)
            values = {key: getattr(first, key) for key in columns}
            other = Connection(**{**values, "name": name, "account_id": name})
            session.add(other)
            session.flush()
            return other.id

    def change_connections(self, **values: object) -> None:
        """Set columns of every connection."""
        with transaction() as session:
            session.execute(update(Connection).values(**values))

    def make_due(self) -> None:
        """More than an hour has gone by since the last poll of each connection."""
        self.change_connections(last_poll_started_at=utcnow() - timedelta(minutes=61))

    def runs(self, *conditions: Any) -> list[PollRun]:
        """The runs, oldest first."""
        with reading() as session:
            query = select(PollRun).where(*conditions).order_by(PollRun.id)
            return list(session.scalars(query.execution_options(populate_existing=True)))

    def states(self) -> list[str]:
        """The states of the runs, oldest first."""
        return [run.state for run in self.runs()]

    def has_ended(self, least: int) -> bool:
        """Whether there were so many runs, and none is at work."""
        states = self.states()
        return len(states) >= least and "running" not in states

    def count(self, model: Any, *conditions: Any) -> int:
        """How many rows there are."""
        with reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def assert_exact(self, incidents: Sequence[int], connections: int = 1) -> None:
        """Each incident has its one alert and its one ticket a connection, and nothing waits."""
        with reading() as session:
            tickets = [str(one) for one in session.scalars(select(Ticket.source_reference))]
            numbers = set(session.scalars(select(Ticket.number)))
        assert sorted(tickets) == sorted([str(one) for one in incidents] * connections)
        assert len(numbers) == len(tickets)
        assert self.count(Alert) == len(tickets)
        assert self.count(InboxRow) == 0

    def pass_ticks(self, valkey: ValkeyServer, ticks: int = 2) -> None:
        """Wait until so many whole ticks have passed, and whatever they asked for is done."""
        with valkey.connect() as redis:
            [tick] = redis.zrange(TriageScheduler.scheduled_jobs_key, 0, -1)
            key = Job.key_for(tick.decode())
            for _ in range(ticks + 1):  # the one that runs just now may have looked already
                seen = {None, redis.hget(key, "ended_at")}
                has_come = wait_until(partial(_is_new, redis, key, seen), TICK_SECONDS)
                assert has_come, self.log
            polls = make_queue(POLL_QUEUE, redis)
            is_done = wait_until(
                lambda: polls.count == polls.started_job_registry.count == 0, TICK_SECONDS
            )
            assert is_done, self.log


def _is_new(redis: Redis, key: str, seen: set[bytes | None]) -> bool:
    """Whether the job has ended once more than when one of `seen` was its last end."""
    return redis.hget(key, "ended_at") not in seen


class Polls:
    """Polls in processes that can be killed."""

    def __init__(self, installation: Installation) -> None:
        self._command = installation.start("polls")

    def start(self, connection_id: int, *, sweep: bool = False) -> int:
        """Start a poll; returns the pid of its process."""
        return int(self._command.ask(f"poll {connection_id} {'sweep' if sweep else ''}"))

    def wait(self, pid: int) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        return int(self._command.ask(f"wait {pid}"))

    def run(self, connection_id: int, *, sweep: bool = False) -> int:
        """Poll to the end; returns the exit code."""
        return self.wait(self.start(connection_id, sweep=sweep))

    def kill(self, pid: int) -> int:
        """Kill a poll; returns its exit code."""
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid)
