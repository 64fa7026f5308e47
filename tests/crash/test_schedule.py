"""Two schedulers and three workers: one poll for each due time, whoever is killed."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest
from flask import Flask

from tests.crash.conftest import Installation
from tests.support.polling import add_bulk
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import Faults
from webapp.models import PollRun, Ticket

WORKERS, SCHEDULERS, CONNECTIONS = 3, 2, 3
ROUNDS = 6


@pytest.fixture
def config(config: Config, valkey: ValkeyServer) -> Config:
    return replace(config, redis_url=valkey.url)


@pytest.fixture
def desks(app: Flask, installation: Installation) -> list[int]:
    """Connections that are due once an hour, with everything running that polls them."""
    first = installation.desk.connection_id
    others = [installation.add_connection(f"Account {n}") for n in range(2, CONNECTIONS + 1)]
    installation.change_connections(poll_interval_minutes=60, last_poll_started_at=utcnow())
    for part in ["worker"] * WORKERS + ["scheduler"] * SCHEDULERS:
        installation.start(part)
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 30), installation.log
    assert len(installation.runs()) == 0, "nothing was due"
    return [first, *others]


def make_due(installation: Installation) -> None:
    """An hour has gone by since the last poll of each connection."""
    installation.change_connections(last_poll_started_at=utcnow() - timedelta(minutes=61))


def ended(installation: Installation, least: int) -> bool:
    runs = installation.runs()
    return len(runs) >= least and all(run.state != "running" for run in runs)


def counts(installation: Installation, *conditions: object) -> dict[int, int]:
    return dict(Counter(run.connection_id for run in installation.runs(*conditions)))


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_one_poll_for_each_due_time(installation: Installation, desks: list[int]) -> None:
    rng = random.Random(3)
    for number in range(1, ROUNDS + 1):
        make_due(installation)
        assert wait_until(lambda n=number: ended(installation, n * CONNECTIONS), 20), (
            installation.log
        )
        time.sleep(rng.random() * 1.5)  # the ticks that follow must find nothing to do
    time.sleep(2.5)
    assert counts(installation) == dict.fromkeys(desks, ROUNDS)
    assert {run.trigger for run in installation.runs()} == {"schedule"}
    assert {(run.state, run.error) for run in installation.runs()} == {("completed", None)}


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


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_killed_workers_cost_no_due_time(installation: Installation, desks: list[int]) -> None:
    """What is killed: the poll's own process, then the worker that runs one, then its parent."""
    account = installation.desk.account
    for generations in (0, 1, 2):
        before = 2 * generations
        add_bulk(account, 30, utcnow(), first_id=1 + 100 * generations)
        kill_at_a_poll(installation, generations)
        assert wait_until(lambda n=before + 1: polled(installation, n * CONNECTIONS), 60), (
            installation.log
        )
        time.sleep(2.5)
        assert counts(installation) == dict.fromkeys(desks, before + 1)

        make_due(installation)
        assert wait_until(lambda n=before + 2: ended(installation, n * CONNECTIONS), 60), (
            installation.log
        )
        time.sleep(2.5)
        assert counts(installation) == dict.fromkeys(desks, before + 2)
    interrupted = counts(installation, PollRun.state == "interrupted")
    assert 1 <= sum(interrupted.values()) <= 3, "one poll at most was lost with each"
    assert installation.count(Ticket) == 90 * CONNECTIONS


def kill_at_a_poll(installation: Installation, generations: int) -> None:
    """Make all due; kill a process that polls, or what started it so many generations ago."""
    simulator = installation.desk.simulator
    simulator.faults = Faults(slow_seconds=0.7)
    make_due(installation)
    assert wait_until(workers_at_a_poll, 20), installation.log
    assert wait_until(lambda: installation.runs(PollRun.state == "running"), 20)
    process = workers_at_a_poll()[0]
    for _ in range(generations):
        process = process.parent()
    os.kill(process.pid, signal.SIGKILL)
    simulator.faults = Faults()


def polled(installation: Installation, least: int) -> bool:
    """So many polls have begun, and nobody is at one any more."""
    return len(installation.runs()) >= least and not workers_at_a_poll()


def test_losing_valkey_costs_no_ticket_and_no_schedule(
    installation: Installation, desks: list[int], valkey: ValkeyServer
) -> None:
    account, simulator = installation.desk.account, installation.desk.simulator
    add_bulk(account, 20, utcnow())
    make_due(installation)
    assert wait_until(lambda: ended(installation, CONNECTIONS), 30), installation.log

    # Between polls: it is gone, and says so; then it is back, empty.
    valkey.stop()
    assert "Redis" in (task_queue.read_queue_status().problem or "")
    make_due(installation)
    time.sleep(2)
    assert counts(installation) == dict.fromkeys(desks, 1), "nobody tells the workers"
    (valkey.folder / "valkey" / "appendonlydir").rename(valkey.folder / "lost")
    valkey.start()
    assert wait_until(lambda: ended(installation, 2 * CONNECTIONS), 60), installation.log
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 60)

    # During polls: it is stopped and started again, then emptied.
    simulator.faults = Faults(slow_seconds=0.5)
    add_bulk(account, 20, utcnow(), first_id=101)
    make_due(installation)
    assert wait_until(lambda: installation.runs(PollRun.state == "running"), 20)
    valkey.stop()
    time.sleep(1)
    valkey.start()
    assert wait_until(lambda: ended(installation, 3 * CONNECTIONS), 60), installation.log

    add_bulk(account, 20, utcnow(), first_id=201)
    make_due(installation)
    assert wait_until(lambda: installation.runs(PollRun.state == "running"), 20)
    connection = valkey.connect()
    connection.flushall()
    connection.close()
    assert wait_until(lambda: ended(installation, 4 * CONNECTIONS), 60), installation.log

    # Whatever became of the jobs, the schedule is back within a minute, and every ticket is there.
    simulator.faults = Faults()
    make_due(installation)
    assert wait_until(lambda: ended(installation, 5 * CONNECTIONS), 60), installation.log
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 30)
    time.sleep(2.5)
    assert counts(installation) == dict.fromkeys(desks, 5), "one poll for each due time"
    assert installation.count(Ticket) == 60 * CONNECTIONS
