"""Two hours of faults at random, at twelve times the speed: the product says when it is not well,
and never that it is not when it is.

SUPERVISED_MINUTES are minutes of the fast clock.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
import pytest

from tests.faults.conftest import BuildWorld
from tests.faults.judged import Judge
from tests.faults.scaled import VARIABLE, scaled_now
from tests.faults.world import World
from tests.support.desk_data import PASSWORD
from tests.support.polling import add_bulk
from tests.support.security.sessions import COOKIE, begin
from tests.support.waiting import wait_until
from webapp.services.people.users import add_user

pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.timeout(1800)]

FACTOR = 12
MINUTES = float(os.environ.get("SUPERVISED_MINUTES", "120"))
QUIET_SECONDS = 20
ONE_IN = 50
"""Looks fall into the moments in which something changes: one in so many may be wrong."""

NOTICED_SECONDS = 45
START_SECONDS = 10
LOOK_SECONDS = 1.0
Fault = Callable[[World, float], None]


def stop_somebody(world: World, _seconds: float, rng: random.Random) -> None:
    rng.choice(list(world.family())).suspend()
    time.sleep(NOTICED_SECONDS)  # over once it was noticed and started again


def kill_somebody(world: World, _seconds: float, rng: random.Random) -> None:
    rng.choice(list(world.family(without_valkey=False))).kill()
    time.sleep(START_SECONDS)


def redis_away(world: World, seconds: float) -> None:
    server = next(one for one in world.up.family() if "valkey" in one.name())
    server.suspend()
    time.sleep(seconds)
    with suppress(psutil.NoSuchProcess):
        server.resume()


def huntress(world: World, seconds: float, **switches: object) -> None:
    world.set_faults(**switches)
    time.sleep(seconds)
    world.set_faults()


def other_secret(world: World, seconds: float) -> None:
    """Huntress refuses the credentials with 401, as after somebody revoked the key."""
    known, world.simulator.api_secret = world.simulator.api_secret, "another one"
    time.sleep(seconds)
    world.simulator.api_secret = known


def lock(world: World, seconds: float) -> None:
    with world.locked_database():
        time.sleep(seconds)


def faults(rng: random.Random) -> list[tuple[str, Fault]]:
    return [
        ("SIGSTOP", partial(stop_somebody, rng=rng)),
        ("SIGKILL", partial(kill_somebody, rng=rng)),
        ("Redis away", redis_away),
        ("Huntress: 500", partial(huntress, error_500_rate=1.0)),
        ("Huntress: 429", partial(huntress, storm_429=True)),
        ("Huntress: 401", other_secret),
        ("Huntress: 403", partial(huntress, forbidden=True)),
        ("Huntress hangs", partial(huntress, slow_seconds=60.0)),
        ("database locked", lock),
    ]


def trouble(world: World, rng: random.Random, ended: list[float], is_over: threading.Event) -> None:
    """Break one thing after the other, and leave everything alone in between.

    `ended` gets the time when the latest fault ended; infinity while there is one.
    """
    numbers = iter(range(1, 10**6))
    while not is_over.is_set():
        add_bulk(world.account, 3, world.now(), first_id=next(numbers) * 10)
        _name, fault = rng.choice(faults(rng))
        ended.append(float("inf"))
        with suppress(psutil.NoSuchProcess, IndexError, StopIteration):
            fault(world, rng.uniform(5, 40))
        ended.append(time.monotonic())
        is_over.wait(rng.uniform(30, 45))


def test_it_says_when_it_is_not_well_and_only_then(
    build_world: BuildWorld, tell: Callable[[str], None]
) -> None:
    start = time.time()
    world = build_world(
        interval_minutes=1,
        module="tests.faults.scaled",
        now=scaled_now(start, FACTOR),
        **{VARIABLE: f"{start}:{FACTOR}"},
    )
    world.settle()
    with world.app.app_context():
        user = add_user(email="ada@example.org", name="Ada", password=PASSWORD, role="admin")
        cookie = COOKIE, begin(user.id, None)
    judge = Judge(world, cookie)
    ended, is_over = [time.monotonic()], threading.Event()
    thread = threading.Thread(target=trouble, args=(world, random.Random(6), ended, is_over))
    thread.start()
    give_up_at = time.monotonic() + MINUTES * 60 / FACTOR
    number = 0
    while time.monotonic() < give_up_at:
        number += 1
        is_quiet = time.monotonic() - ended[-1] > QUIET_SECONDS
        judge.look(is_quiet=is_quiet, with_doctor=number % 5 == 0)
        time.sleep(LOOK_SECONDS)
    is_over.set()
    thread.join()
    ids = list(world.account.incident_rows)
    assert wait_until(lambda: world.is_complete(ids), 60), world.up.output[-3000:]
    wrong = Counter(judge.looks.wrong)
    tell(f"{MINUTES:.0f} minutes at {FACTOR} x: {dict(judge.looks.counts)}, wrong: {dict(wrong)}")
    assert world.lost_and_doubled(ids) == (0, 0)
    looked = judge.looks.counts["well"] + judge.looks.counts["not well"]
    assert len(judge.looks.wrong) <= looked / ONE_IN, judge.looks.wrong
    assert min(judge.looks.counts[kind] for kind in ("well", "not well")) > 0
