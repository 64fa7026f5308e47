"""The watcher as a process: it tells that everything else is gone, and its own end is noticed."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY, make_config, migrate_database
from tests.support.postgres import PostgresServer
from tests.support.processes import ROOT, Command, clean_environment, close_all
from tests.support.receivers.http_receiver import HttpReceiver
from tests.support.receivers.notices_data import add_target
from tests.support.rows import add, all_rows
from tests.support.waiting import wait_until
from webapp import create_app
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import db
from webapp.models import OutboxRow, Target

QUICK = "tests.ops.quick_watch"
WITHIN_SECONDS = 40
"""In which everything here happens on a busy machine; on an idle one it takes a few seconds."""


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server of its own, because the test stops it."""
    server = PostgresServer().start()
    yield server
    server.stop()


StartWatch = Callable[..., Command]


@pytest.fixture
def start_watch(tmp_path: Path, receiver: HttpReceiver) -> Iterator[StartWatch]:
    """Starts watchers of an installation that has nothing but a database."""
    started: list[Command] = []

    def start(database_url: str, module: str = QUICK, *words: str) -> Command:
        env = clean_environment(
            TRIAGEDESK_DATA_DIR=str(tmp_path),
            TRIAGEDESK_DATABASE_URL=database_url.replace("+psycopg", ""),
            TRIAGEDESK_REDIS_URL=f"unix://{tmp_path / 'no-valkey.sock'}",
            TRIAGEDESK_SECRET_KEY=SECRET_KEY,
            TRIAGEDESK_ENCRYPTION_KEYS=ENCRYPTION_KEY,
            TRIAGEDESK_OUTBOUND_HOSTS=receiver.origin,
            TRIAGEDESK_HEARTBEAT_URL=f"{receiver.origin}/ping/a-check",
            PYTHONPATH=str(ROOT),
        )
        tmp_path.chmod(0o700)
        folder = tmp_path / f"watcher-{len(started)}"
        started.append(Command(["-m", module, *words], folder, env))
        return started[-1]

    yield start
    close_all(started)


def add_channel(app: Flask, receiver: HttpReceiver) -> int:
    """A webhook that tells alarms."""
    with app.app_context():
        target_id = add_target(f"{receiver.origin}/alarms", Kind.WEBHOOK, tells_alarms=True)
        db.session.remove()
        db.engine.dispose()
        return target_id


def alarms(receiver: HttpReceiver) -> list[str]:
    """What the webhook was told, in its order: `alarm.began redis-gone`."""
    bodies = [one.json for one in list(receiver.requests) if one.path == "/alarms"]
    return [f"{body['type']} {body['data']['kind']}" for body in bodies]


def beats(receiver: HttpReceiver) -> Counter[str]:
    """The calls of the outside service, by path."""
    return Counter(one.path for one in list(receiver.requests) if one.path.startswith("/ping"))


@pytest.mark.soak
def test_two_watchers_without_redis_and_workers_tell_it_once(
    app: Flask, receiver: HttpReceiver, start_watch: StartWatch, database_url: str
) -> None:
    add_channel(app, receiver)
    watchers = [start_watch(database_url), start_watch(database_url)]
    assert wait_until(lambda: alarms(receiver) != [], WITHIN_SECONDS), watchers[0].output
    seen = beats(receiver).total()  # both go on: several beats are several rounds of each
    assert wait_until(lambda: beats(receiver).total() >= seen + 4, WITHIN_SECONDS)
    assert alarms(receiver) == ["alarm.began redis-gone"]
    assert not any("ERROR" in watcher.output for watcher in watchers), watchers[0].output


def test_without_a_worker_the_watcher_delivers_everything(
    app: Flask, receiver: HttpReceiver, start_watch: StartWatch, database_url: str
) -> None:
    target_id = add_channel(app, receiver)
    with app.app_context():
        target = all_rows(Target)[0]
        add(
            OutboxRow(
                key="summary",
                target_id=target_id,
                target_name=target.name,
                event="summary.daily",
                facts={
                    "subject": "summary",
                    "title": "Yesterday",
                    "lines": [],
                    "links": [],
                    "urgency": "quiet",
                    "stage": "plain",
                    "severity": None,
                    "data": {"kind": "none"},
                },
                created_at=target.created_at,
                due_at=target.created_at,
                next_try_at=target.created_at,
            )
        )
        db.session.remove()
    watcher = start_watch(database_url)
    is_there = wait_until(lambda: "summary.daily none" in alarms(receiver), WITHIN_SECONDS)
    assert is_there, watcher.output


def test_a_watcher_that_is_killed_is_noticed_from_outside(
    app: Flask, receiver: HttpReceiver, start_watch: StartWatch, database_url: str
) -> None:
    watcher = start_watch(database_url)
    assert wait_until(lambda: beats(receiver)["/ping/a-check"] >= 2, WITHIN_SECONDS)
    watcher.process.kill()
    watcher.process.wait()
    seen = beats(receiver)
    time.sleep(7)  # twice as long as from one beat to the next
    assert beats(receiver) == seen


def test_it_ends_when_it_is_told_to_and_is_not_missed(
    app: Flask, receiver: HttpReceiver, start_watch: StartWatch, database_url: str
) -> None:
    receiver.behaviour = lambda handler: handler.wait(60) and None  # a delivery hangs meanwhile
    add_channel(app, receiver)
    watcher = start_watch(database_url)
    assert wait_until(lambda: alarms(receiver) != [], WITHIN_SECONDS), watcher.output
    watcher.process.send_signal(signal.SIGTERM)
    assert watcher.process.wait(10) == 0
    with app.app_context(), db.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM watcher_rounds").all() == []


@pytest.mark.soak
def test_without_a_database_it_tells_by_itself_and_that_it_is_back(
    tmp_path: Path, receiver: HttpReceiver, start_watch: StartWatch, postgres: PostgresServer
) -> None:
    postgres.sql("CREATE DATABASE desk")
    config = make_config(tmp_path, postgres.url("desk"))
    migrate_database(config)
    add_channel(create_app(config), receiver)
    watcher = start_watch(config.database_url)
    assert wait_until(lambda: alarms(receiver) != [], WITHIN_SECONDS), watcher.output
    assert postgres.process is not None
    postgres.process.send_signal(signal.SIGINT)
    postgres.process.wait(30)
    began = "alarm.began database-unreachable"
    assert wait_until(lambda: began in alarms(receiver), WITHIN_SECONDS), watcher.output
    assert wait_until(lambda: beats(receiver)["/ping/a-check/fail"] > 1, WITHIN_SECONDS)
    postgres._launch()
    ended = "alarm.ended database-unreachable"
    assert wait_until(lambda: ended in alarms(receiver), WITHIN_SECONDS), watcher.output
    told = Counter(alarms(receiver))
    assert (told[began], told[ended]) == (1, 1)
    assert watcher.output.count("The database cannot be used, trying again") == 1


@pytest.mark.slow
def test_all_workers_and_redis_are_gone_and_the_alarm_leaves_within_a_minute(
    app: Flask, receiver: HttpReceiver, start_watch: StartWatch, database_url: str
) -> None:
    add_channel(app, receiver)
    started = time.monotonic()
    watcher = start_watch(database_url, "webapp", "watch")
    assert wait_until(lambda: alarms(receiver) == ["alarm.began redis-gone"], 90), watcher.output
    assert time.monotonic() - started < 60
    assert os.path.exists(f"/proc/{watcher.process.pid}")
