"""Minutes of trouble: whatever is killed, in whatever order, the desk goes on by itself."""

import random
import sqlite3
import time

import psutil
import pytest

from tests.ops.conftest import StartUp
from tests.ops.test_up import doctor
from tests.support.processes import all_ended
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SECONDS = 90


def test_random_kills_lose_no_schedule_and_double_no_ticket(start_up: StartUp) -> None:
    up = start_up("--demo")
    assert up.is_ready, up.output
    random_parts = random.Random(7)
    parent = psutil.Process(up.process.pid)
    give_up_at = time.monotonic() + SECONDS
    killed = 0
    while time.monotonic() < give_up_at:
        family = [p for p in parent.children(recursive=True) if "simulator" not in str(p.cmdline())]
        random_parts.choice(family).kill()
        killed += 1
        time.sleep(random_parts.uniform(0.5, 5))
    assert killed > 15

    up.data_dir = up.folder / "demo"
    assert wait_until(lambda: doctor(up)[0] == 0, 180), (doctor(up), up.output[-3000:])
    with sqlite3.connect(up.data_dir / "triagedesk.db") as database:
        tickets, references = database.execute(
            "SELECT count(*), count(DISTINCT source_reference) FROM tickets"
        ).fetchone()
        [runs_before] = database.execute("SELECT count(*) FROM poll_runs").fetchone()
    assert tickets == references > 10

    def polls_again() -> bool:
        with sqlite3.connect(up.data_dir / "triagedesk.db") as database:
            return database.execute("SELECT count(*) FROM poll_runs").fetchone()[0] > runs_before

    assert wait_until(polls_again, 100)
    family = up.family()
    up.process.terminate()
    assert up.process.wait(20) == 0
    assert all_ended(family, 2)
