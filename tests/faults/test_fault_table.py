"""Every fault in the midst of 2,000 incidents: nothing lost or doubled, and well again at once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.conftest import BuildWorld
from tests.faults.fault_list import AWAY_SECONDS, FAULTS, HERE, FaultCase
from tests.faults.other_machine import CLOCK_AHEAD, NAME
from tests.faults.world import World, seconds_since
from tests.support.postgres import PostgresServer
from tests.support.processes import Command, close_all
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.task_queue import PARTS_KEY

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

LOOK_SECONDS = 6.0
ELSEWHERE = 30.0
"""Seconds until another machine has noticed that one died, and has done its work."""

TOGETHER_SECONDS = 60
Tell = Callable[[str], None]


@contextmanager
def watched(world: World) -> Iterator[set[str]]:
    """What doctor and /readyz say meanwhile, asked now and then."""
    said: set[str] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(LOOK_SECONDS):
            said.update(f"{name}: {text}" for name, text in world.doctor()[1].items())
            said.add(f"/readyz {world.ready()}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield said
    finally:
        is_over.set()
        thread.join()


def break_and_measure(world: World, case: FaultCase, tell: Tell) -> None:
    world.settle()
    ids = world.begin_poll()
    with watched(world) as said:
        log_before = len(world.up.output)
        case.happen(world)
        ended = time.monotonic()
        # wait_until is patient: a busy machine is no failure, an hour's interval is one
        is_complete = wait_until(lambda: world.is_complete(ids), case.limit)
        seconds = seconds_since(ended)
    log = world.up.output[log_before if len(world.up.output) > log_before else 0 :]
    lost, doubled = world.lost_and_doubled(ids)
    tell(
        f"| {case.name} | {lost} | {doubled} | {seconds if is_complete else '-'} |"
        f" {len(log.splitlines())} lines, {log.count('Traceback')} tracebacks |"
        f" {'; '.join(sorted(said))} |"
    )
    assert (lost, doubled, is_complete) == (0, 0, True), world.up.output[-4000:]
    assert case.may_lock or not [text for text in said if "locked" in text], said


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.happen.__name__)
def test_a_fault_loses_and_doubles_nothing_and_is_over_at_once(
    case: FaultCase, build_world: BuildWorld, tell: Tell
) -> None:
    break_and_measure(build_world(), case, tell)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own, with an empty database `desk`."""
    server = PostgresServer().start()
    server.sql("CREATE DATABASE desk")
    yield server
    server.stop()


@pytest.fixture
def queue_server() -> Iterator[ValkeyServer]:
    """A Valkey server that outlives every machine."""
    server = ValkeyServer().start()
    yield server
    server.close()


def read_only(server: PostgresServer) -> None:
    """The database takes no write for a while, as a standby or a server whose disk is full."""
    server.sql("ALTER DATABASE desk SET default_transaction_read_only = on")
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'desk'")
    time.sleep(AWAY_SECONDS)
    server.sql("ALTER DATABASE desk RESET default_transaction_read_only")
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'desk'")


@pytest.mark.parametrize(
    ("name", "happen"),
    [
        ("PostgreSQL is restarted", PostgresServer.restart),
        ("PostgreSQL takes no writes for 10 s", read_only),
    ],
)
def test_what_happens_to_postgresql_costs_seconds(
    name: str,
    happen: Callable[[PostgresServer], None],
    server: PostgresServer,
    build_world: BuildWorld,
    tell: Tell,
) -> None:
    world = build_world(TRIAGEDESK_DATABASE_URL=server.url("desk"))
    break_and_measure(world, FaultCase(name, lambda _world: happen(server), HERE), tell)
    world.close()


@contextmanager
def other_machine(world: World, **variables: str) -> Iterator[list[Command]]:
    """A second machine with a worker and a scheduler, which shares database and queue."""
    env = {**world.up.env, NAME: "the-other", **variables}
    words = ["-m", "tests.faults.other_machine"]
    parts = [Command([*words, part], world.folder / part, env) for part in ("worker", "scheduler")]
    try:
        yield parts
    finally:
        close_all(parts)


def test_a_machine_whose_clock_is_ahead_polls_no_more_often(
    server: PostgresServer, build_world: BuildWorld, tell: Tell
) -> None:
    """It shares database and queue with another one, and joins amid a poll."""
    world = build_world(interval_minutes=1, TRIAGEDESK_DATABASE_URL=server.url("desk"))
    world.settle()
    ids = world.begin_poll()
    before, calls = world.runs(), len(world.simulator.requests)
    queue = f"unix://{world.data_dir}/valkey/valkey.sock"
    with other_machine(world, **{CLOCK_AHEAD: "600", "TRIAGEDESK_REDIS_URL": queue}):
        time.sleep(TOGETHER_SECONDS)
        assert wait_until(lambda: world.is_complete(ids), HERE)
        said = world.doctor()[1]
    polls, calls = world.runs() - before, len(world.simulator.requests) - calls
    lost, doubled = world.lost_and_doubled(ids)
    tell(
        f"| a second machine's clock is 10 minutes ahead, {TOGETHER_SECONDS} s | {lost} |"
        f" {doubled} | {polls} polls, {calls} calls | | {said} |"
    )
    assert (lost, doubled) == (0, 0)
    assert polls <= 1 + TOGETHER_SECONDS / 60
    world.close()


def test_a_machine_that_dies_amid_a_poll_is_noticed_by_the_other(
    server: PostgresServer, queue_server: ValkeyServer, build_world: BuildWorld, tell: Tell
) -> None:
    """The lease is so long that nobody waits for its end."""
    world = build_world(
        TRIAGEDESK_DATABASE_URL=server.url("desk"),
        TRIAGEDESK_REDIS_URL=queue_server.url,
        TRIAGEDESK_LEASE_SECONDS="3000",
    )
    world.settle()
    with other_machine(world) as parts:
        worker = "worker@the-other"
        assert wait_until(lambda: queue_server.connect().hexists(PARTS_KEY, worker), 30)
        ids = world.begin_poll()
        is_elsewhere = (world.lease_holder() or "").startswith("the-other")
        dying = parts if is_elsewhere else [world.up]
        for process in [process for command in dying for process in command.family()]:
            process.kill()
        ended, before = time.monotonic(), world.tickets()
        assert wait_until(lambda: world.is_complete(ids), ELSEWHERE)
        seconds = seconds_since(ended)
    lost, doubled = world.lost_and_doubled(ids)
    tell(f"| a machine of two dies after {before} tickets | {lost} | {doubled} | {seconds} | | |")
    assert 0 < before < len(ids)
    assert (lost, doubled) == (0, 0)
    world.close()
