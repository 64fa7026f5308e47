"""Backups and restores whose process is killed: never a half state, and the next one succeeds."""

import multiprocessing
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.support.databases import both_databases
from tests.support.installation import Installation, Polls
from tests.support.polling import KILLED, add_bulk
from tests.support.postgres import PostgresServer
from tests.support.processes import Command, clean_environment
from tests.support.recovery.places import (
    PASSPHRASE,
    QUICK_WORK,
    RestorePlace,
    back_up,
    left_overs,
)
from tests.support.waiting import wait_until
from webapp import clock, create_app
from webapp.cli.recovery.options import app_alone_on
from webapp.config import BackupSettings, Config
from webapp.extensions import db
from webapp.models import Alert, Connection, Restore, Ticket
from webapp.services.polling.manage_polling import resume_polling
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.recovery import (
    age_stream,
    restore_backup,
    restore_postgresql,
    tar_stream,
)
from webapp.services.recovery.check_backup import check_backup
from webapp.services.recovery.encryption import Opener, Sealer
from webapp.services.recovery.restore_backup import restore_backup as restore
from webapp.services.recovery.scratch import BackupError
from webapp.services.recovery.write_backup import write_backup
from webapp.services.transactions import reading

OPENER = Opener(passphrase=PASSPHRASE)
MANY = 12_000
KILLS = 20


@pytest.fixture
def config(config: Config, postgres_here: PostgresServer | None) -> Config:
    binaries = postgres_here and postgres_here.binaries
    return replace(config, backups=BackupSettings(postgres_bin=binaries))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many moments at which a process can be killed, and passphrases that cost nothing."""
    monkeypatch.setattr(tar_stream, "PIECE", 16 * 1024)
    monkeypatch.setattr(age_stream, "WORK_FACTOR", QUICK_WORK)


def in_child(work: Callable[[], object]) -> int:
    """Do `work` in a process of its own; returns its exit code."""
    db.session.remove()
    db.engine.dispose()
    child = multiprocessing.get_context("fork").Process(target=_work_and_exit, args=(work,))
    child.start()
    child.join(120)
    assert child.exitcode is not None, "the child process hangs"
    return child.exitcode


def _work_and_exit(work: Callable[[], object]) -> None:
    try:
        work()
    except BackupError:
        os._exit(1)
    os._exit(0)


class KillAt:
    """Kills its process the n-th time that it is called."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0:
            os._exit(KILLED)


def is_whole(file: Path, config: Config) -> bool:
    with file.open("rb") as source:
        return check_backup(source, OPENER, config.data_dir, config.backups.postgres_bin).rows > 0


@both_databases
def test_a_backup_that_is_killed_leaves_no_file(
    app: Flask, config: Config, tmp_path: Path, small_pieces: None
) -> None:
    file, sealer = tmp_path / "desk.age", Sealer(passphrase=PASSPHRASE)

    def work(number: int) -> None:
        own = create_app(config)
        with own.app_context():
            write_backup(config, {}, file, sealer, beat=KillAt(number))

    code, number = KILLED, 0
    while code == KILLED:
        code = in_child(lambda number=number: work(number))  # type: ignore[misc]
        assert file.exists() == (code == 0)
        number += 4
    assert (code, number > 12) == (0, True)
    assert is_whole(file, config)
    assert left_overs(tmp_path) == []


def kill_around(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool) -> None:
    """Kill the process before or after this step."""
    step = getattr(module, name)

    def stepping(*arguments: Any, **options: Any) -> Any:
        if after:
            step(*arguments, **options)
        os._exit(KILLED)

    monkeypatch.setattr(module, name, stepping)


STEPS = [
    ("sqlite", restore_backup, "upgrade", False),
    ("sqlite", restore_backup, "settle_restore", False),
    ("sqlite", restore_backup, "settle_restore", True),
    ("sqlite", restore_backup, "write_keys", False),
    ("sqlite", restore_backup, "write_keys", True),
    ("sqlite", restore_backup, "sync_folder", False),
    ("postgresql", restore_postgresql, "_mark", True),
    ("postgresql", restore_postgresql, "_run_restore", False),
    ("postgresql", restore_postgresql, "_run_restore", True),
    ("postgresql", restore_postgresql, "_finish", True),
    ("postgresql", restore_backup, "settle_restore", True),
    ("postgresql", restore_backup, "write_keys", True),
]


@pytest.mark.parametrize(
    ("database_kind", "module", "name", "after"),
    STEPS,
    indirect=["database_kind"],
    ids=[f"{kind}-{name}-{'after' if after else 'before'}" for kind, _, name, after in STEPS],
)
def test_a_restore_that_is_killed_can_be_run_again(
    app: Flask,
    config: Config,
    place: RestorePlace,
    tmp_path: Path,
    small_pieces: None,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    after: bool,
) -> None:
    made = back_up(config, tmp_path / "desk.age")
    with monkeypatch.context() as patch:
        kill_around(patch, module, name, after=after)
        assert in_child(lambda: place.restore(tmp_path / "desk.age")) == KILLED
    finish(place, tmp_path / "desk.age", made.manifest.rows)


def finish(place: RestorePlace, file: Path, rows: int) -> None:
    """Whatever was done before the kill, the restore is complete, or can be completed now."""
    try:
        assert place.restore(file).rows == rows
    except BackupError as error:
        if "there already" not in str(error) and "not empty" not in str(error):
            raise
    with place.opened(), reading() as session:
        assert session.scalars(select(Restore)).one().released_at is None
    assert left_overs(place.data_dir) == []


@both_databases
def test_a_restore_that_is_killed_while_it_unpacks(
    app: Flask, config: Config, place: RestorePlace, tmp_path: Path, small_pieces: None
) -> None:
    made = back_up(config, tmp_path / "desk.age")
    code, number = KILLED, 0
    while code == KILLED and number < 12:
        beat = KillAt(number)
        code = in_child(
            lambda beat=beat: restore(  # type: ignore[misc]
                place.env, tmp_path / "desk.age", OPENER, app_alone_on, beat=beat
            )
        )
        number += 3
    assert number > 3
    finish(place, tmp_path / "desk.age", made.manifest.rows)


def count(model: Any) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
@both_databases
def test_under_load_killed_at_random_restored_elsewhere_and_polled_twice(
    app: Flask,
    config: Config,
    installation: Installation,
    polls: Polls,
    place: RestorePlace,
    tmp_path: Path,
) -> None:
    """A poll of 12,000 runs meanwhile; counts are exact in the end."""
    chance = random.Random(int(os.environ.get("SEED", "10")))
    desk = installation.desk
    newest = clock.utcnow() - timedelta(minutes=1)
    add_bulk(desk.account, MANY, newest, step=timedelta(milliseconds=1))
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    if config.backups.postgres_bin is not None:
        installation.env["TRIAGEDESK_PG_BIN"] = str(config.backups.postgres_bin)
    pid = polls.start(desk.connection_id)
    assert wait_until(lambda: count(Ticket) > 2_000, 120), installation.log
    file = tmp_path / "desk.age"
    command(installation.env, tmp_path, "backup", file).process.wait(120)
    assert is_whole(file, config)
    assert count(Ticket) < MANY, "the poll was over before the backup"
    other = tmp_path / "killed.age"
    for _ in range(KILLS):
        other.unlink(missing_ok=True)
        kill_after(chance.uniform(0.3, 4), command(installation.env, tmp_path, "backup", other))
        assert not other.exists() or is_whole(other, config)
    assert polls.wait(pid) == 0
    other.unlink(missing_ok=True)
    command(installation.env, tmp_path, "backup", other).process.wait(120)
    assert left_overs(config.data_dir) == []
    env = clean_environment(**place.env)
    for _ in range(KILLS):
        kill_after(chance.uniform(0.3, 6), command(env, tmp_path, "restore", file))
    finish(place, file, rows_of(file, config))
    with place.opened(desk.simulator.base_url):
        assert 2_000 < count(Ticket) < MANY
        resume_polling(desk.connection_id)
        for _ in range(2):
            outcome = poll_connection(desk.connection_id, trigger="command")
            assert outcome.is_success
        assert (count(Ticket), count(Alert), count(Connection)) == (MANY, MANY, 1)
        with reading() as session:
            assert len(set(session.scalars(select(Ticket.number)))) == MANY


def rows_of(file: Path, config: Config) -> int:
    with file.open("rb") as source:
        return check_backup(source, OPENER, config.data_dir, config.backups.postgres_bin).rows


def command(env: dict[str, str], folder: Path, name: str, file: Path) -> Command:
    words = ["-m", "webapp", name, str(file), "--passphrase-file", str(folder / "passphrase")]
    return Command(words, folder / f"{name}-{file.name}-log", env)


def kill_after(seconds: float, started: Command) -> None:
    """Kill the command and what it has started, unless it has ended before."""
    wait_until(lambda: started.process.poll() is not None, seconds)
    started._kill_the_rest(started.family() if started.process.poll() is None else [])
    started.close()
