"""kill -9 at any moment of a rotation: every secret stays readable, and what people enter stays."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.support.databases import (
    ENCRYPTION_KEY,
    SECRET_KEY,
    both_databases,
    postgresql_in_soak,
)
from tests.support.fake_clock import START
from tests.support.processes import Command, clean_environment
from tests.support.rows import all_rows, change
from webapp.config import Config, SourceKind, ValueSource
from webapp.crypto import UnreadableText, cipher, key_id, read_keys_in, write_key_file
from webapp.models import Target
from webapp.services.keys.read_keys import list_keys
from webapp.services.keys.rotate_keys import forget_key, rotate_keys
from webapp.services.keys.verify_values import verify_values
from webapp.services.transactions import transaction

TARGETS = 300
FEW, MANY = 4, 20


class Rotations:
    """Rotations in processes that can be killed."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def start(self) -> int:
        return int(self._command.ask("rotate"))

    def wait(self, pid: int) -> int:
        return int(self._command.ask(f"wait {pid}"))

    def kill_after(self, seconds: float) -> bool:
        """Whether one was killed amid its work, so many seconds after its start."""
        pid = self.start()
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        return self.wait(pid) < 0


@pytest.fixture
def config(config: Config) -> Config:
    """The keys stand in the data directory."""
    file = config.data_dir / "encryption.keys"
    write_key_file(file, f"{ENCRYPTION_KEY}\n")
    return replace(config, encryption_source=ValueSource(SourceKind.DATA_DIR, file))


@pytest.fixture
def rotations(app: Flask, config: Config, tmp_path: Path) -> Iterator[Rotations]:
    env = clean_environment(
        TRIAGEDESK_DATA_DIR=str(config.data_dir),
        TRIAGEDESK_DATABASE_URL=config.database_url,
        TRIAGEDESK_REDIS_URL=config.redis_url,
        TRIAGEDESK_SECRET_KEY=SECRET_KEY,
    )
    command = Command(["-m", "tests.crash.rotations"], tmp_path / "rotations", env, piped=True)
    yield Rotations(command)
    command.close()


def add_targets() -> dict[int, str]:
    """Targets with a secret each, by id."""
    with transaction() as session:
        rows = [
            Target(name=f"{n}", kind="webhook", settings={}, secrets=f"s{n}", created_at=START)
            for n in range(TARGETS)
        ]
        session.add_all(rows)
        session.flush()
        return {row.id: f"s{row.name}" for row in rows}


def kill_some(rotations: Rotations, config: Config, kills: int) -> None:
    path = config.encryption_source.path
    assert path is not None
    expected, chance = add_targets(), random.Random(7)
    began = time.monotonic()
    assert rotations.wait(rotations.start()) == 0
    whole = time.monotonic() - began
    killed = 0
    for _ in range(kills):
        killed += rotations.kill_after(chance.random() * whole)
        assert {key_id(key) for key in read_keys_in(path)} == set(cipher.key_ids)
        assert {row.id: row.secrets for row in all_rows(Target)} == expected
        edited = chance.choice(list(expected))
        expected[edited] = f"entered {chance.random()}"
        change(Target, edited, secrets=expected[edited])
    assert killed > kills / 3, "hardly any was killed amid its work"
    rotate_keys()
    assert {row.id: row.secrets for row in all_rows(Target)} == expected
    newest, *older = list_keys()
    assert (newest.uses, {key.uses for key in older}) == (TARGETS, {0})
    for key in older:
        forget_key(key.id)
    assert verify_values().readable == TARGETS
    assert len(read_keys_in(path)) == 1


@postgresql_in_soak
def test_killed_rotations_lose_nothing(rotations: Rotations, config: Config) -> None:
    kill_some(rotations, config, FEW)


@pytest.mark.soak
@both_databases
def test_rotations_killed_twenty_times_lose_nothing(rotations: Rotations, config: Config) -> None:
    kill_some(rotations, config, MANY)


@postgresql_in_soak
def test_people_enter_secrets_while_keys_are_rotated(
    rotations: Rotations, app: Flask, config: Config
) -> None:
    """Two rotations in other processes at once, and four threads that write the same rows."""
    expected = add_targets()
    ids, stopped = list(expected), threading.Event()

    def enter(number: int) -> None:
        mine, round_ = ids[number::4], 0
        with app.app_context():
            while not stopped.is_set():
                for row in mine[:20]:
                    expected[row] = f"{number} in round {round_}"
                    change(Target, row, secrets=expected[row])
                round_ += 1

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    pids = [rotations.start(), rotations.start()]
    assert [rotations.wait(pid) for pid in pids] == [0, 0]
    stopped.set()
    for thread in threads:
        thread.join()
    found = {row.id: row.secrets for row in all_rows(Target)}
    assert not [one for one in found.values() if isinstance(one, UnreadableText)]
    assert found == expected
    newest, *older = list_keys()
    assert newest.uses == TARGETS, older
