"""Every fault in the midst of 2,000 incidents: nothing lost or doubled, and well again at once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.conftest import BuildWorld
from tests.faults.fault_list import FAULTS, HERE, FaultCase
from tests.faults.world import World, seconds_since
from tests.support.postgres import PostgresServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

LOOK_SECONDS = 6.0
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


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: case.happen.__name__)
def test_a_fault_loses_and_doubles_nothing_and_is_over_at_once(
    case: FaultCase, build_world: BuildWorld, tell: Tell
) -> None:
    break_and_measure(build_world(), case, tell)


def test_a_restart_of_postgresql_costs_seconds(build_world: BuildWorld, tell: Tell) -> None:
    server = PostgresServer().start()
    try:
        server.sql("CREATE DATABASE desk")
        world = build_world(TRIAGEDESK_DATABASE_URL=server.url("desk"))
        restart = FaultCase("PostgreSQL is restarted", lambda _world: server.restart(), HERE)
        break_and_measure(world, restart, tell)
        world.close()
    finally:
        server.stop()
