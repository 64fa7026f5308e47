"""An installation whose parts are processes that can be killed, a simulated account, a Valkey."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.installation import MANY_CALLS, Installation, Polls, RealClock
from tests.support.poller import API_KEY, API_SECRET, Desk
from tests.support.processes import clean_environment
from tests.support.valkey import ValkeyServer
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import SimulatedAccount, Simulator

LEASE_SECONDS = 2


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    account = SimulatedAccount(now=utcnow())
    with Simulator(
        account, api_key=API_KEY, api_secret=API_SECRET, calls_per_window=MANY_CALLS
    ) as simulator:
        yield simulator


@pytest.fixture
def config(config: Config, simulator: Simulator) -> Config:
    return replace(
        config,
        huntress_hosts=(simulator.base_url,),
        huntress_calls_per_minute=MANY_CALLS,
        lease_seconds=LEASE_SECONDS,
    )


@pytest.fixture
def installation(
    app: Flask, config: Config, simulator: Simulator, tmp_path: Path
) -> Iterator[Installation]:
    env = clean_environment(
        TRIAGEDESK_DATA_DIR=str(config.data_dir),
        TRIAGEDESK_DATABASE_URL=config.database_url,
        TRIAGEDESK_REDIS_URL=config.redis_url,
        TRIAGEDESK_SECRET_KEY=SECRET_KEY,
        TRIAGEDESK_ENCRYPTION_KEYS=ENCRYPTION_KEY,
        TRIAGEDESK_HUNTRESS_HOSTS=simulator.base_url,
        TRIAGEDESK_HUNTRESS_CALLS_PER_MINUTE=str(MANY_CALLS),
        TRIAGEDESK_LEASE_SECONDS=str(config.lease_seconds),
    )
    desk = Desk(simulator, RealClock())  # type: ignore[arg-type]
    installation = Installation(desk, env, tmp_path)
    yield installation
    installation.close()


@pytest.fixture
def polls(installation: Installation) -> Polls:
    return Polls(installation)


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer().start()
    task_queue.configure(server.url)
    yield server
    server.close()
