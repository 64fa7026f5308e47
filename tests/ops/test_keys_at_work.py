"""Keys are rotated and forgotten while every part runs: none is started again, none stumbles."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from tests.ops.conftest import StartUp
from tests.support.databases import ENCRYPTION_KEY
from tests.support.installation import MANY_CALLS
from tests.support.processes import Command, Up, clean_environment, run_triagedesk
from tests.support.receivers.http_receiver import HttpReceiver
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.clock import utcnow
from webapp.crypto import generate_key, key_id, read_keys_in
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.jobs.scheduler import TriageScheduler
from webapp.models import WatcherRound
from webapp.services.transactions import reading

PARTS = ("web", "worker", "scheduler", "watch")
PASSWORD = "a long sentence for the desk"
SOON = 60
"""Longer than a tick, a poll and a message take, however busy the machine is."""


class World:
    """The whole product, an account and a receiver of its messages."""

    def __init__(self, up: Up, simulator: Simulator, receiver: HttpReceiver) -> None:
        self.up, self.simulator, self.receiver = up, simulator, receiver
        self.key_file = up.data_dir / "encryption.keys"
        self._next = 1

    def run(self, *words: str) -> str:
        done = run_triagedesk(*words, **{**self.up.env, "HUNTRESS_API_KEY": "hk_demo"})
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def set_up(self) -> None:
        self.run("connection", "add", "--base-url", self.simulator.base_url)
        self.run(
            *("routing", "set", "1", "--board", "Security"),
            *("--fallback-client", "Internal (unmapped security)"),
            *("--fallback-board", "Security Triage"),
        )
        self.run(
            *("target", "add", "hook", "--kind", "webhook"),
            *("--url", f"{self.receiver.origin}/hook"),
        )
        self.run(
            *("policy", "add", "p", "--event", "created"),
            *("--severity", "critical", "--target", "hook"),
        )
        self.run("poll", "1")

    def is_polled_and_told(self) -> bool:
        """Whether the running worker gets a new incident, and tells of it with a signature."""
        number = self._next
        self._next += 1
        self.simulator.account.add_incident(
            1, now=utcnow() - timedelta(minutes=1), id=number, severity="critical"
        )
        with closing(sqlite3.connect(self.up.data_dir / "triagedesk.db", timeout=20)) as database:
            database.execute("UPDATE connections SET last_poll_started_at = '2020-01-01 00:00:00'")
            database.commit()
        return wait_until(lambda: number in self.told(), SOON)

    def told(self) -> set[int]:
        return {
            int(one.json["data"]["incident_id"])
            for one in list(self.receiver.requests)
            if one.json["type"] == "ticket.created" and "webhook-signature" in one.headers
        }

    def pids(self) -> dict[str, int]:
        return {part: self.up.part(part).pid for part in PARTS}


@pytest.fixture
def world(start_up: StartUp) -> Iterator[World]:
    account = SimulatedAccount(now=utcnow() - timedelta(days=1), name="Acme MSP")
    account.add_organization("Northwind", id=1)
    with Simulator(account, calls_per_window=MANY_CALLS) as simulator, HttpReceiver() as receiver:
        up = start_up(
            TRIAGEDESK_HUNTRESS_HOSTS=simulator.base_url,
            TRIAGEDESK_OUTBOUND_HOSTS=receiver.origin,
            HUNTRESS_API_SECRET="hs_demo",
        )
        assert up.is_ready, up.output
        world = World(up, simulator, receiver)
        world.set_up()
        yield world


def health(up: Up) -> str:
    """The Health page, as the running web server renders it for an admin."""
    with requests.Session() as browser:
        browser.headers["Sec-Fetch-Site"] = "same-origin"
        form = browser.get(f"{up.url}/sign-in", timeout=30).text
        [token] = re.findall(r'name="csrf_token" value="([^"]+)"', form)
        typed = {"email": "ada@example.com", "password": PASSWORD, "csrf_token": token}
        browser.post(f"{up.url}/sign-in", data=typed, timeout=30).raise_for_status()
        return browser.get(f"{up.url}/health", timeout=30).text


def add_admin(up: Up) -> None:
    words = ["-m", "webapp", "user", "add", "ada@example.com", "--role", "admin"]
    command = Command(words, up.folder / "user-add", up.env, piped=True)
    command.process.communicate(f"{PASSWORD}\n".encode(), timeout=60)
    assert command.process.returncode == 0, command.output
    command.close()


@pytest.mark.soak
def test_every_part_goes_on_with_the_new_key(world: World) -> None:
    assert world.is_polled_and_told(), world.up.output
    add_admin(world.up)
    before = world.pids()
    [old] = read_keys_in(world.key_file)

    assert "is the new key" in world.run("keys", "rotate")
    assert world.is_polled_and_told(), world.up.output

    world.run("keys", "forget", key_id(old))
    assert old not in world.key_file.read_text()
    assert world.is_polled_and_told(), world.up.output
    assert "Every stored secret can be read" in health(world.up)

    assert world.pids() == before, "a part was started again"
    assert "cannot decrypt" not in world.up.output
    assert "Traceback" not in world.up.output


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the memory of a process")
def test_no_part_holds_a_secret_that_it_does_not_need(start_up: StartUp) -> None:
    """Looked for where an attacker would: in the environment and the memory of each process."""
    secret_key, scrapers = "s-" + generate_key(), "m-" + generate_key()
    key, heartbeat = generate_key(), "http://127.0.0.1:9/a-ping-that-nobody-knows"
    up = start_up(
        TRIAGEDESK_SECRET_KEY=secret_key,
        TRIAGEDESK_ENCRYPTION_KEYS=key,
        TRIAGEDESK_METRICS_TOKEN=scrapers,
        TRIAGEDESK_HEARTBEAT_URL=heartbeat,
    )
    assert up.is_ready, up.output
    everything = {secret_key, key, scrapers, heartbeat}
    assert wait_until(lambda: found_in(up.part("scheduler"), {"TriageScheduler"}) != set(), SOON)
    valkey = next(one for one in up.family() if "valkey-server" in " ".join(one.cmdline()))
    assert found_in(up.part("web"), everything) == everything, "the search finds nothing at all"
    assert found_in(up.part("scheduler"), everything) == set()
    assert found_in(valkey, everything) == set()
    for part in ("worker", "watch"):
        assert found_in(up.part(part), everything) == {key, heartbeat}
    for part in PARTS:
        assert not everything & set(" ".join(up.part(part).cmdline()).split())


def found_in(process: psutil.Process, texts: set[str]) -> set[str]:
    """Which of these texts stand anywhere in the memory of a process, its environment included."""
    found = set()
    with (
        open(f"/proc/{process.pid}/maps") as maps,
        open(f"/proc/{process.pid}/mem", "rb") as memory,
    ):
        for line in maps:
            first, last = (int(one, 16) for one in line.split()[0].split("-"))
            if "r" not in line.split()[1] or "[v" in line:
                continue
            try:
                memory.seek(first)
                content = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            found |= {text for text in texts if text.encode() in content}
    return found


def test_the_scheduler_needs_the_queue_alone(tmp_path: Path) -> None:
    """There is no key, no database and no data directory: it puts its jobs into the queue."""
    with closing(ValkeyServer().start()) as valkey:
        env = clean_environment(
            TRIAGEDESK_REDIS_URL=valkey.url, TRIAGEDESK_DATA_DIR=str(tmp_path / "none")
        )
        scheduler = Command(["-m", "webapp", "scheduler"], tmp_path / "scheduler", env)
        try:
            with valkey.connect() as redis:
                key = TriageScheduler.scheduled_jobs_key
                assert wait_until(lambda: bool(redis.zcard(key)), SOON), scheduler.output
        finally:
            scheduler.close()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("part", ["worker", "watch"])
def test_a_part_without_pages_needs_neither_secret_key_nor_data_directory(
    part: str, tmp_path: Path, database_url: str, app: Flask
) -> None:
    with closing(ValkeyServer().start()) as valkey:
        env = clean_environment(
            TRIAGEDESK_REDIS_URL=valkey.url,
            TRIAGEDESK_DATABASE_URL=database_url,
            TRIAGEDESK_ENCRYPTION_KEYS=ENCRYPTION_KEY,
            TRIAGEDESK_DATA_DIR=str(tmp_path / "none"),
        )
        command = Command(["-m", "webapp", part], tmp_path / part, env)
        try:
            assert wait_until(lambda: is_at_work(part, valkey), SOON), command.output
        finally:
            command.close()
        assert "Error" not in command.output
    assert not (tmp_path / "none").exists()


def is_at_work(part: str, valkey: ValkeyServer) -> bool:
    if part == "watch":
        with reading() as session:
            return bool(session.scalar(select(func.count()).select_from(WatcherRound)))
    with valkey.connect() as redis:
        return bool(redis.keys("rq:worker:*"))
