"""Valkey is killed, restarted or emptied, during polls and between them: nothing is lost."""

import contextvars
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.crash import conftest as crash
from tests.crash.conftest import Installation
from tests.support import desk_data
from tests.support.polling import add_bulk
from tests.support.processes import Command
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from tests.web.pages import Browser, Page
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import Faults, Simulator
from webapp.models import Alert, InboxRow, Ticket
from webapp.services.people.sign_in import begin_session
from webapp.services.polling.manage_polling import request_poll
from webapp.services.transactions import reading
from webapp.task_queue import QueueStatus
from webapp.web.viewer import COOKIE

INCIDENTS_AT_ONCE = 300
SLOW_SECONDS = 1.5
START_SECONDS = 60
NOTICED_SECONDS = 10
BACK_SECONDS = 60
"""The schedule is back by itself within this time after Valkey is."""

MILLISECOND = timedelta(milliseconds=1)
UNREACHABLE = QueueStatus(is_redis_up=False).problem or ""

simulator, installation, valkey = crash.simulator, crash.installation, crash.valkey


@pytest.fixture
def config(config: Config, simulator: Simulator, valkey: ValkeyServer) -> Config:
    return replace(
        config,
        redis_url=valkey.url,
        huntress_hosts=(simulator.base_url,),
        huntress_calls_per_minute=crash.MANY_CALLS,
    )


@dataclass
class Product:
    """A worker and a scheduler at work for an installation; its Valkey is taken away at will."""

    installation: Installation
    valkey: ValkeyServer
    parts: list[Command]

    @property
    def said(self) -> str:
        return "\n".join(part.output[-3000:] for part in self.parts)

    @property
    def states(self) -> list[str]:
        return [run.state for run in self.installation.runs()]

    def add_incidents(self, count: int = INCIDENTS_AT_ONCE) -> None:
        account = self.installation.desk.account
        first_id = len(account.incident_rows) + 1
        add_bulk(account, count, utcnow(), step=MILLISECOND, first_id=first_id)

    def make_due(self) -> None:
        self.installation.desk.set(last_poll_started_at=utcnow() - timedelta(hours=1))

    def answer_slowly(self, seconds: float = SLOW_SECONDS) -> None:
        self.installation.desk.simulator.faults = Faults(slow_seconds=seconds)

    def wait_for(self, states: list[str], seconds: float = BACK_SECONDS) -> None:
        """Until the runs are exactly in these states."""
        assert wait_until(lambda: self.states == states, seconds), (self.states, self.said)

    def kill_valkey(self) -> None:
        """Killed, and back a little later."""
        self.valkey.stop()
        time.sleep(0.5)
        self.valkey.start()

    def flush_valkey(self) -> None:
        with self.valkey.connect() as redis:
            redis.flushall()

    def assert_exact(self) -> None:
        """Each incident has its one alert and its one ticket, and nothing waits."""
        incidents = sorted(str(one) for one in self.installation.desk.account.incident_rows)
        with reading() as session:
            assert sorted(session.scalars(select(Ticket.source_reference))) == incidents
            assert len(set(session.scalars(select(Ticket.number)))) == len(incidents)
        assert self.installation.count(Alert) == len(incidents)
        assert self.installation.count(InboxRow) == 0


StartProduct = Callable[..., Product]


@pytest.fixture
def start_product(
    installation: Installation, valkey: ValkeyServer, tmp_path: Path
) -> Iterator[StartProduct]:
    """Starts the parts: with their own intervals, or (`module`) with shorter ones."""
    parts: list[Command] = []

    def start(module: str = "tests.crash.parts") -> Product:
        installation.desk.set(last_poll_started_at=utcnow())
        for part in ("worker", "scheduler"):
            folder = tmp_path / part
            folder.mkdir()
            parts.append(Command(["-m", module, part], folder, installation.env))
        product = Product(installation, valkey, parts)
        is_ready = wait_until(lambda: task_queue.read_queue_status().problem is None, START_SECONDS)
        assert is_ready, product.said
        return product

    yield start
    for part in parts:
        part.process.terminate()
    for part in parts:
        part.close()


def lose_between_polls(product: Product, lose: Callable[[], None]) -> None:
    """The next due time is polled, once, by itself."""
    before = product.states
    lose()
    product.add_incidents()
    product.make_due()
    product.wait_for([*before, "completed"])
    product.assert_exact()


def lose_during_a_poll(product: Product, lose: Callable[[], None]) -> None:
    """The poll goes on to its end without Valkey; the next due time is polled as usual."""
    before = product.states
    product.add_incidents()
    product.answer_slowly()
    product.make_due()
    product.wait_for([*before, "running"])
    lose()
    assert product.states == [*before, "running"], "the poll was to be at it all the while"
    product.answer_slowly(0)
    product.wait_for([*before, "completed"])
    product.assert_exact()
    lose_between_polls(product, lambda: None)


def test_losing_valkey_loses_and_doubles_no_ticket(start_product: StartProduct) -> None:
    product = start_product()
    for lose in (product.kill_valkey, product.flush_valkey):
        lose_during_a_poll(product, lose)
        lose_between_polls(product, lose)
    assert {run.trigger for run in product.installation.runs()} == {"schedule"}
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 20)


@pytest.fixture
def helpdesk(app: Flask, installation: Installation) -> Browser:
    """A signed-in person's browser."""
    _admin, helpdesk = desk_data.add_people()
    browser = Browser(app)
    browser.client.set_cookie(COOKIE, begin_session(helpdesk.id, "tests"))
    return browser


def open_dashboard(browser: Browser) -> Page:
    """As a request of its own, outside of the test's app context."""
    return contextvars.Context().run(browser.get, "/")


def test_a_poll_asked_for_without_valkey_runs_when_it_is_back(
    start_product: StartProduct, helpdesk: Browser
) -> None:
    product = start_product()
    assert UNREACHABLE not in open_dashboard(helpdesk).text
    product.add_incidents()
    product.valkey.stop()

    begun = time.monotonic()
    status = task_queue.read_queue_status()
    page = open_dashboard(helpdesk)
    request = request_poll(product.installation.desk.connection_id, actor_id=None)
    assert time.monotonic() - begun < NOTICED_SECONDS
    assert not status.is_redis_up
    assert UNREACHABLE in page.text
    assert not request.is_queued
    assert "the poll is noted" in request.message
    time.sleep(2)
    assert product.installation.runs() == []

    product.valkey.start()
    product.wait_for(["completed"])
    product.assert_exact()
    assert wait_until(lambda: task_queue.read_queue_status().problem is None, 20), product.said
    assert UNREACHABLE not in open_dashboard(helpdesk).text
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
    product.make_due()
    product.wait_for(["completed", "completed", "running"])
    product.valkey.stop()
    product.wait_for(["completed"] * 3)
    time.sleep(away_seconds)
    product.valkey.start()
    product.answer_slowly(0)
    lose_between_polls(product, lambda: None)
