"""Valkey is killed, restarted or emptied, during polls and between them: nothing is lost."""

import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import Worker
from rq.worker import WorkerStatus

from tests.support import desk_data
from tests.support.installation import Installation
from tests.support.polling import add_bulk
from tests.support.processes import Command
from tests.support.security.sessions import COOKIE, begin
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import Faults
from webapp.services.polling.manage_polling import request_poll
from webapp.task_queue import QueueStatus

INCIDENTS_AT_ONCE = 300
SLOW_SECONDS = 1.5
START_SECONDS = 60
NOTICED_SECONDS = 10
BACK_SECONDS = 60
"""The schedule is back by itself within this time after Valkey is."""

LEASE_SECONDS = 120
MILLISECOND = timedelta(milliseconds=1)
UNREACHABLE = QueueStatus(is_redis_up=False).problem or ""
NOTICED = "Redis cannot be used, trying again"
"""What a scheduler says once when it has lost Valkey."""

WORKERS = 2
"""The pool keeps as many: one for ticks, one for polls."""

RETRIES = "retrying in"
"""What a worker says each time it has looked for Valkey in vain."""


@pytest.fixture
def config(config: Config, valkey: ValkeyServer) -> Config:
    return replace(config, redis_url=valkey.url, lease_seconds=LEASE_SECONDS)


@dataclass
class Product:
    """A worker and a scheduler at work for an installation; its Valkey is taken away at will."""

    installation: Installation
    valkey: ValkeyServer
    scheduler: Command
    worker: Command

    @property
    def states(self) -> list[str]:
        return self.installation.states()

    def add_incidents(self, count: int = INCIDENTS_AT_ONCE) -> None:
        account = self.installation.desk.account
        first_id = len(account.incident_rows) + 1
        add_bulk(account, count, utcnow(), step=MILLISECOND, first_id=first_id)

    def answer_slowly(self, seconds: float = SLOW_SECONDS) -> None:
        self.installation.desk.simulator.faults = Faults(slow_seconds=seconds)

    def wait_for(self, states: list[str], seconds: float = BACK_SECONDS) -> None:
        """Until the runs are exactly in these states."""
        has_them = wait_until(lambda: self.states == states, seconds)
        assert has_them, (self.states, self.installation.log)

    def stop_valkey(self) -> None:
        """Kill it, and wait until the product has noticed."""
        before = self.scheduler.output.count(NOTICED)
        self.valkey.stop()
        has_noticed = wait_until(lambda: self.scheduler.output.count(NOTICED) > before)
        assert has_noticed, self.installation.log

    def count_idle(self) -> int:
        """How many workers wait for work."""
        with self.valkey.connect() as redis:
            states = [redis.hget(key, "state") for key in redis.smembers(Worker.redis_workers_keys)]
        return states.count(WorkerStatus.IDLE.encode())

    def try_in_vain(self, times: int = 2) -> None:
        """Wait until a worker has looked for work so many times while Valkey is away."""
        wanted = self.worker.output.count(RETRIES) + times
        has_tried = wait_until(lambda: self.worker.output.count(RETRIES) >= wanted, 20)
        assert has_tried, self.installation.log

    def restart_valkey(self) -> None:
        """Killed, and back when that was noticed."""
        self.stop_valkey()
        self.valkey.start()

    def lose_files_of_valkey(self) -> None:
        """Killed, and back without anything it had written down."""
        self.stop_valkey()
        self.valkey.lose_files()
        self.valkey.start()

    def flush_valkey(self) -> None:
        with self.valkey.connect() as redis:
            redis.flushall()

    def assert_exact(self) -> None:
        """Each incident has its one alert and its one ticket, and nothing waits."""
        self.installation.assert_exact(list(self.installation.desk.account.incident_rows))


StartProduct = Callable[..., Product]


@pytest.fixture
def start_product(installation: Installation, valkey: ValkeyServer) -> StartProduct:
    """Starts the parts: with their own intervals, or (`module`) with shorter ones."""

    def start(module: str = "tests.support.parts") -> Product:
        installation.desk.set(last_poll_started_at=utcnow())
        parts = [installation.start(part, module) for part in ("scheduler", "worker")]
        product = Product(installation, valkey, *parts)
        for has_begun in (
            lambda: task_queue.read_queue_status().problem is None,
            # A worker that loses Valkey before it waits for work ends, and tries nothing in vain.
            lambda: product.count_idle() == WORKERS,
        ):
            assert wait_until(has_begun, START_SECONDS), installation.log
        return product

    return start


def lose_between_polls(product: Product, lose: Callable[[], None]) -> None:
    """The next due time is polled, once, by itself."""
    before = product.states
    lose()
    product.add_incidents()
    product.installation.make_due()
    product.wait_for([*before, "completed"])
    product.assert_exact()


def lose_during_a_poll(product: Product, lose: Callable[[], None]) -> None:
    """The poll goes on to its end without Valkey; the next due time is polled as usual."""
    before = product.states
    product.add_incidents()
    product.answer_slowly()
    product.installation.make_due()
    product.wait_for([*before, "running"])
    lose()
    assert product.states == [*before, "running"], "the poll was to be at it all the while"
    product.answer_slowly(0)
    product.wait_for([*before, "completed"])
    product.assert_exact()
    lose_between_polls(product, lambda: None)


@pytest.mark.soak
def test_losing_valkey_loses_and_doubles_no_ticket(start_product: StartProduct) -> None:
    product = start_product()
    for lose in (product.restart_valkey, product.flush_valkey):
        lose_during_a_poll(product, lose)
        lose_between_polls(product, lose)
    lose_between_polls(product, product.lose_files_of_valkey)
    product.installation.pass_ticks(product.valkey)
    assert product.states == ["completed"] * 7, "one poll for each due time"
    assert {run.trigger for run in product.installation.runs()} == {"schedule"}
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 20)


@pytest.fixture
def helpdesk(app: Flask, installation: Installation) -> FlaskClient:
    """A signed-in person's browser."""
    _admin, helpdesk = desk_data.add_people()
    client = app.test_client()
    client.set_cookie(COOKIE, begin(helpdesk.id, "tests"))
    return client


def open_dashboard(client: FlaskClient) -> str:
    """As a request of its own, outside of the test's app context."""
    return contextvars.Context().run(client.get, "/").text


@pytest.mark.soak
def test_a_poll_asked_for_without_valkey_runs_when_it_is_back(
    start_product: StartProduct, helpdesk: FlaskClient
) -> None:
    product = start_product()
    assert UNREACHABLE not in open_dashboard(helpdesk)
    product.add_incidents()
    product.stop_valkey()

    begun = time.monotonic()
    status = task_queue.read_queue_status()
    request = request_poll(product.installation.desk.connection_id, actor_id=None)
    assert time.monotonic() - begun < NOTICED_SECONDS
    assert not status.is_redis_up
    assert wait_until(lambda: UNREACHABLE in open_dashboard(helpdesk), NOTICED_SECONDS)
    assert not request.is_queued
    assert "the poll is requested" in request.message
    product.try_in_vain()
    assert product.states == []

    product.valkey.start()
    product.wait_for(["completed"])
    product.assert_exact()
    is_well = wait_until(lambda: task_queue.read_queue_status().problem is None, 20)
    assert is_well, product.installation.log
    assert wait_until(lambda: UNREACHABLE not in open_dashboard(helpdesk), NOTICED_SECONDS)
    assert product.installation.desk.connection().poll_requested_at is None


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("away_seconds", [5, 66])
def test_the_schedule_is_back_within_a_minute(
    start_product: StartProduct, away_seconds: int
) -> None:
    """With the parts' own intervals; after 63 s RQ by itself would pause for a minute."""
    product = start_product("webapp")
    lose_between_polls(product, lambda: None)
    product.valkey.stop()
    time.sleep(away_seconds)
    product.valkey.start()
    lose_between_polls(product, lambda: None)

    product.add_incidents()
    product.answer_slowly()
    product.installation.make_due()
    product.wait_for(["completed", "completed", "running"])
    product.valkey.stop()
    product.wait_for(["completed"] * 3)
    time.sleep(away_seconds)
    product.valkey.start()
    product.answer_slowly(0)
    lose_between_polls(product, lambda: None)
