"""Minutes of trouble: whatever is killed, in whatever order, the desk goes on by itself."""

import random
import sqlite3
import time
from contextlib import closing, suppress

import psutil
import pytest

from tests.ops.conftest import StartUp
from tests.ops.test_up import doctor
from tests.support.processes import all_ended
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SECONDS = 90


def is_ours(process: psutil.Process) -> bool:
    """Whether it is a living part of the product; the simulated account is left alone."""
    try:
        return "simulator" not in str(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_random_kills_lose_no_schedule_and_double_no_ticket(start_up: StartUp) -> None:
    up = start_up("--demo")
    assert up.is_ready, up.output
    random_parts = random.Random(7)
    parent = psutil.Process(up.process.pid)
    give_up_at = time.monotonic() + SECONDS
    killed = 0
    while time.monotonic() < give_up_at:
        with suppress(psutil.NoSuchProcess):  # it ended between being found and being killed
            random_parts.choice([p for p in parent.children(recursive=True) if is_ours(p)]).kill()
            killed += 1
        time.sleep(random_parts.uniform(0.5, 5))
    assert killed > 15

    up.data_dir = up.folder / "demo"
    assert wait_until(lambda: doctor(up)[0] == 0, 180), (doctor(up), up.output[-3000:])

    def ask(question: str) -> tuple[int, ...]:
        with closing(sqlite3.connect(up.data_dir / "triagedesk.db")) as database:
            return tuple(database.execute(question).fetchone())

    # Where every poll so far was killed, the next one waits until the lease of the last runs out.
    assert wait_until(lambda: ask("SELECT count(*) FROM tickets")[0] > 10, 240), up.output[-3000:]
    tickets, references = ask(
        "SELECT count(source_reference), count(DISTINCT source_reference) FROM tickets"
    )
    assert tickets == references
    [runs_before] = ask("SELECT count(*) FROM poll_runs")

    assert wait_until(lambda: ask("SELECT count(*) FROM poll_runs")[0] > runs_before, 100)
    family = up.family()
    up.process.terminate()
    assert up.process.wait(60) == 0
    assert all_ended(family, 2)
