"""Two schedulers and three workers on one PostgreSQL: a due time is one poll, never two."""

import os
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest
from rq import Worker
from rq.serializers import JSONSerializer

from tests.support.installation import Installation
from tests.support.polling import add_bulk
from tests.support.processes import Command, all_ended
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import Faults
from webapp.models import PollRun
from webapp.task_queue import JsonJob

SCHEDULERS, WORKERS, CONNECTIONS = 2, 3, 3
START_SECONDS = 60
DUE_TIMES = 4
OVERTAKEN_JOBS = 4
"""So many ticks are played that saw the connection due and were late to say so."""

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)


@pytest.fixture
def config(config: Config, valkey: ValkeyServer) -> Config:
    return replace(config, redis_url=valkey.url)


@pytest.fixture
def workers(installation: Installation, valkey: ValkeyServer) -> list[Command]:
    """All parts, at work: three workers, two schedulers; no tick but theirs, and nothing is due."""
    installation.change_connections(poll_interval_minutes=60, last_poll_started_at=utcnow())
    workers = [installation.start("worker") for _ in range(WORKERS)]
    for _ in range(SCHEDULERS):
        installation.start("scheduler")
    with valkey.connect() as redis:
        has_all = wait_until(lambda: Worker.count(redis) >= 2 * WORKERS, START_SECONDS)
    assert has_all, installation.log
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, START_SECONDS)
    return workers


@pytest.fixture
def connections(installation: Installation, workers: list[Command]) -> list[int]:
    """The ids of three connections, all of which are polled."""
    others = [installation.add_connection(f"Account {n}") for n in range(2, CONNECTIONS + 1)]
    return [installation.desk.connection_id, *others]


def add_incidents(installation: Installation, count: int, first_id: int = 1) -> list[int]:
    step = timedelta(milliseconds=1)
    return add_bulk(installation.desk.account, count, utcnow(), step=step, first_id=first_id)


def kill_at_once(processes: list[psutil.Process]) -> None:
    """As when the power fails: none of them has the time to notice that another one is gone."""
    for signum in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a job's process that ended by itself meanwhile
                process.send_signal(signum)


def polling_worker(workers: list[Command], valkey: ValkeyServer) -> Command | None:
    """The one whose family a poll's job runs in, as RQ knows it."""
    with valkey.connect() as redis:
        known = Worker.all(connection=redis, job_class=JsonJob, serializer=JSONSerializer)
        pids = [one.pid for one in known if (one.get_current_job_id() or "").startswith("poll-")]
    families = {one: {process.pid for process in one.family()} for one in workers}
    return next((one for one in workers if families[one].intersection(pids)), None)


def workers_at_a_poll() -> list[psutil.Process]:
    """The processes that are polling just now: they are what workers have forked for a job."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            family = [process, *process.parents()]
            generations = [one for one in family if one.cmdline()[-1:] == ["worker"]]
        except psutil.Error:
            continue
        if len(generations) == 3:  # the pool, its worker, the process of the job
            found.append(process)
    return found


def wait_until_ended(installation: Installation, count: int) -> None:
    assert wait_until(lambda: installation.has_ended(count), 60), installation.log


def polls_by_connection(installation: Installation, *conditions: object) -> dict[int, int]:
    return dict(Counter(run.connection_id for run in installation.runs(*conditions)))


def enqueue_overtaken(connections: list[int]) -> None:
    """Polls whose due time another one takes, or has taken already."""
    for number in range(OVERTAKEN_JOBS):
        connection_id = connections[number % len(connections)]
        task_queue.enqueue("poll", connection_id=connection_id, trigger="schedule")


def test_a_due_time_is_one_poll(
    installation: Installation, valkey: ValkeyServer, connections: list[int]
) -> None:
    incidents: list[int] = []
    for number in range(1, DUE_TIMES + 1):
        incidents += add_incidents(installation, 5, first_id=1 + len(incidents))
        installation.make_due()
        if number % 2:
            enqueue_overtaken(connections)
        wait_until_ended(installation, number * CONNECTIONS)
        enqueue_overtaken(connections)
        installation.pass_ticks(valkey)
        assert polls_by_connection(installation) == dict.fromkeys(connections, number)
    ends = {(run.trigger, run.state, run.error) for run in installation.runs()}
    assert ends == {("schedule", "completed", None)}
    installation.assert_exact(incidents, CONNECTIONS)


def test_the_poll_of_a_killed_worker_is_done_again_once(
    installation: Installation, workers: list[Command], valkey: ValkeyServer
) -> None:
    incidents = add_incidents(installation, 300)
    installation.desk.simulator.faults = Faults(slow_seconds=1.0)
    installation.make_due()
    is_running = PollRun.state == "running"
    assert wait_until(lambda: installation.count(PollRun, is_running), 20), installation.log
    victim = polling_worker(workers, valkey)
    assert victim is not None
    family = victim.family()
    assert len(family) >= 4, "a pool, its two workers, and the poll"
    kill_at_once(family)
    assert all_ended(family[:1], 5)
    assert installation.states() == ["running"]
    installation.desk.simulator.faults = Faults()  # and the next one is not due for an hour

    wait_until_ended(installation, 2)
    installation.pass_ticks(valkey)
    interrupted, completed = installation.runs()
    assert (interrupted.state, interrupted.trigger) == ("interrupted", "schedule")
    assert (completed.state, completed.trigger) == ("completed", "schedule")
    installation.assert_exact(incidents)


@pytest.mark.soak
def test_killed_workers_cost_no_due_time(
    installation: Installation, valkey: ValkeyServer, connections: list[int]
) -> None:
    """What is killed: the poll's own process, then the worker that runs one, then its parent."""
    incidents: list[int] = []
    for generations in (0, 1, 2):
        before = 2 * generations
        incidents += add_incidents(installation, 30, first_id=1 + len(incidents))
        kill_at_a_poll(installation, generations)
        wait_until_completed(installation, connections, before + 1)
        installation.pass_ticks(valkey)
        wait_until_completed(installation, connections, before + 1)

        installation.make_due()
        wait_until_completed(installation, connections, before + 2)
        installation.pass_ticks(valkey)
        wait_until_completed(installation, connections, before + 2)
    interrupted = polls_by_connection(installation, PollRun.state == "interrupted")
    assert 1 <= sum(interrupted.values()) <= 3, "one poll at most was lost with each"
    installation.assert_exact(incidents, CONNECTIONS)


def wait_until_completed(installation: Installation, connections: list[int], count: int) -> None:
    """What was interrupted is polled again at once, and no due time is polled twice."""
    is_completed, wanted = PollRun.state == "completed", dict.fromkeys(connections, count)
    assert wait_until(lambda: polls_by_connection(installation, is_completed) == wanted, 60), (
        installation.log
    )


def kill_at_a_poll(installation: Installation, generations: int) -> None:
    """Make all due; kill a process that polls, or what started it so many generations ago."""
    simulator = installation.desk.simulator
    simulator.faults = Faults(slow_seconds=0.7)
    installation.make_due()
    assert wait_until(workers_at_a_poll, 20), installation.log
    assert wait_until(lambda: installation.runs(PollRun.state == "running"), 20)
    process = workers_at_a_poll()[0]
    for _ in range(generations):
        process = process.parent()
    os.kill(process.pid, signal.SIGKILL)
    simulator.faults = Faults()
