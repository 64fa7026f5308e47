"""An installation with a real clock: processes that can be killed, a simulated account, a desk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.poller import API_KEY, API_SECRET, Desk
from tests.support.processes import ROOT, all_ended, clean_environment
from tests.support.valkey import ValkeyServer
from webapp import task_queue
from webapp.clock import utcnow
from webapp.config import Config
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Connection, PollRun
from webapp.services.transactions import reading, transaction

MANY_CALLS = 100_000
LEASE_SECONDS = 2


class RealClock:
    """For a Desk: time passes by itself."""

    def now(self) -> datetime:
        return utcnow()

    def advance(self, **_step: float) -> datetime:
        return utcnow()


class Installation:
    """A desk, its account, and how to start parts of it as processes of their own."""

    def __init__(self, desk: Desk, env: dict[str, str], folder: Path) -> None:
        self.desk = desk
        self.env = env
        self._log = (folder / "parts.log").open("ab")
        self._log_path = folder / "parts.log"
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def log(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def start(self, part: str) -> subprocess.Popen[bytes]:
        """Start "worker", "scheduler" or "polls" (see tests.crash.parts)."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.parts", part],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE if part == "polls" else subprocess.DEVNULL,
            stdout=subprocess.PIPE if part == "polls" else self._log,
            stderr=self._log,
        )
        self._started.append(process)
        return process

    def add_connection(self, name: str) -> int:
        """Another connection to the same account, as far as the database can tell another one."""
        columns = [one.key for one in Connection.__table__.columns if one.key != "id"]
        with transaction() as session:
            first = session.get_one(Connection, self.desk.connection_id)
            values = {key: getattr(first, key) for key in columns}
            other = Connection(**{**values, "name": name, "account_id": name})
            session.add(other)
            session.flush()
            return other.id

    def change_connections(self, **values: object) -> None:
        with transaction() as session:
            session.execute(update(Connection).values(**values))

    def runs(self, *conditions: Any) -> list[PollRun]:
        with reading() as session:
            query = select(PollRun).where(*conditions).order_by(PollRun.id)
            return list(session.scalars(query.execution_options(populate_existing=True)))

    def count(self, model: Any, *conditions: Any) -> int:
        with reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def close(self) -> None:
        for process in self._started:
            kill_family(process.pid)
            process.wait(10)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        self._log.close()


class Polls:
    """Polls in processes that can be killed."""

    def __init__(self, installation: Installation) -> None:
        self._process = installation.start("polls")

    def start(self, connection_id: int, *, sweep: bool = False) -> int:
        """Start a poll; returns the pid of its process."""
        return self._ask(f"poll {connection_id} {'sweep' if sweep else ''}")

    def wait(self, pid: int) -> int:
        """Wait for its end; returns the exit code, negative for a signal."""
        return self._ask(f"wait {pid}")

    def run(self, connection_id: int, *, sweep: bool = False) -> int:
        return self.wait(self.start(connection_id, sweep=sweep))

    def kill(self, pid: int) -> int:
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid)

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def kill_family(pid: int) -> None:
    """Kill a process and everything it has started."""
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    all_ended(family, 5)


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
