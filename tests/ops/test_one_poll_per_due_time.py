"""Two schedulers and three workers on one PostgreSQL: a due time is one poll, never two."""

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from rq import Worker
from rq.serializers import JSONSerializer
from sqlalchemy import select

from tests.crash import conftest as crash
from tests.crash.conftest import Installation
from tests.support.polling import add_bulk
from tests.support.processes import Command, all_ended
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import Faults, Simulator
from webapp.models import Alert, InboxRow, PollRun, Ticket
from webapp.services.transactions import reading
from webapp.task_queue import JsonJob

SCHEDULERS, WORKERS = 2, 3
START_SECONDS = 60
MILLISECOND = timedelta(milliseconds=1)
DUE_TIMES = 6
GRACE_SECONDS = 1.5
"""Longer than a tick takes to come round (a second) and a worker to take up what it enqueued."""

OVERTAKEN_JOBS = 4
"""So many ticks are played that saw the connection due and were late to say so."""

simulator, installation, valkey = crash.simulator, crash.installation, crash.valkey
pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def config(config: Config, simulator: Simulator, valkey: ValkeyServer) -> Config:
    return replace(
        config,
        redis_url=valkey.url,
        huntress_hosts=(simulator.base_url,),
        huntress_calls_per_minute=crash.MANY_CALLS,
        lease_seconds=crash.LEASE_SECONDS,
    )


StartPart = Callable[[str], Command]


@pytest.fixture
def start_part(installation: Installation, tmp_path: Path) -> Iterator[StartPart]:
    """Starts "worker" or "scheduler"; its tick comes every second."""
    started: list[Command] = []

    def start(part: str) -> Command:
        folder = tmp_path / f"part-{len(started)}"
        folder.mkdir()
        words = ["-m", "tests.crash.parts", part]
        started.append(Command(words, folder, installation.env))
        return started[-1]

    yield start
    for command in started:
        command.process.terminate()
    for command in started:
        command.close()


@pytest.fixture
def workers(
    start_part: StartPart, installation: Installation, valkey: ValkeyServer
) -> list[Command]:
    """All parts, at work: three workers, two schedulers; nothing is due yet."""
    installation.desk.set(last_poll_started_at=utcnow())
    workers = [start_part("worker") for _ in range(WORKERS)]
    for _ in range(SCHEDULERS):
        start_part("scheduler")
    with valkey.connect() as redis:
        assert wait_until(lambda: Worker.count(redis) >= 2 * WORKERS, START_SECONDS), said(workers)
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, START_SECONDS)
    return workers


def said(parts: list[Command]) -> str:
    return "\n".join(part.output[-2000:] for part in parts)


def kill_at_once(processes: list[psutil.Process]) -> None:
    """As when the power fails: none of them has the time to notice that another one is gone."""
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            process.send_signal(signum)


def polling_worker(workers: list[Command], valkey: ValkeyServer) -> Command | None:
    """The one whose family a poll's job runs in, as RQ knows it."""
    with valkey.connect() as redis:
        known = Worker.all(connection=redis, job_class=JsonJob, serializer=JSONSerializer)
        pids = [one.pid for one in known if (one.get_current_job_id() or "").startswith("poll-")]
    families = {one: {process.pid for process in one.family()} for one in workers}
    return next((one for one in workers if families[one].intersection(pids)), None)


def make_due(installation: Installation) -> None:
    installation.desk.set(last_poll_started_at=utcnow() - timedelta(hours=1))


def wait_for_completed(installation: Installation, count: int, workers: list[Command]) -> None:
    is_completed = PollRun.state == "completed"
    has_as_many = wait_until(lambda: installation.count(PollRun, is_completed) >= count, 40)
    assert has_as_many, (triggers_and_states(installation), said(workers))


def enqueue_overtaken(installation: Installation) -> None:
    """Polls whose due time another one takes, or has taken already."""
    for _ in range(OVERTAKEN_JOBS):
        task_queue.enqueue(
            "poll", connection_id=installation.desk.connection_id, trigger="schedule"
        )


def triggers_and_states(installation: Installation) -> list[tuple[str, str]]:
    return [(run.trigger, run.state) for run in installation.runs()]


def assert_exact(installation: Installation, incidents: list[int]) -> None:
    """Each incident has its one alert and its one ticket, and nothing waits."""
    with reading() as session:
        tickets = list(session.scalars(select(Ticket.source_reference)))
        numbers = set(session.scalars(select(Ticket.number)))
    assert sorted(tickets) == sorted(str(one) for one in incidents)
    assert len(numbers) == len(tickets)
    assert installation.count(Alert) == len(incidents)
    assert installation.count(InboxRow) == 0


def test_a_due_time_is_one_poll(installation: Installation, workers: list[Command]) -> None:
    account = installation.desk.account
    incidents: list[int] = []
    for number in range(1, DUE_TIMES + 1):
        first_id = len(incidents) + 1
        incidents += add_bulk(account, 5, utcnow(), step=MILLISECOND, first_id=first_id)
        make_due(installation)
        if number % 2:
            enqueue_overtaken(installation)
        wait_for_completed(installation, number, workers)
        enqueue_overtaken(installation)
        time.sleep(GRACE_SECONDS)
        assert triggers_and_states(installation) == [("schedule", "completed")] * number
    assert_exact(installation, incidents)


def test_the_poll_of_a_killed_worker_is_done_again_once(
    installation: Installation, workers: list[Command], valkey: ValkeyServer
) -> None:
    incidents = add_bulk(installation.desk.account, 300, utcnow(), step=MILLISECOND)
    installation.desk.simulator.faults = Faults(slow_seconds=1.0)
    make_due(installation)
    is_running = PollRun.state == "running"
    assert wait_until(lambda: installation.count(PollRun, is_running), 20), said(workers)
    victim = polling_worker(workers, valkey)
    assert victim is not None
    family = victim.family()
    assert len(family) >= 4, "a pool, its two workers, and the poll"
    kill_at_once(family)
    assert all_ended(family[:1], 5)
    assert triggers_and_states(installation) == [("schedule", "running")]
    lease_ends = installation.desk.connection().lease_expires_at
    assert lease_ends is not None
    make_due(installation)

    wait_for_completed(installation, 1, workers)
    time.sleep(GRACE_SECONDS)
    interrupted, completed = installation.runs()
    assert (interrupted.state, interrupted.trigger) == ("interrupted", "schedule")
    assert (completed.state, completed.trigger) == ("completed", "schedule")
    assert completed.started_at >= lease_ends
    assert_exact(installation, incidents)
