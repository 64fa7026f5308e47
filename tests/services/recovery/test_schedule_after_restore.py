"""The schedule of backups goes on in a restored database, and deletes nothing that it came from."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.recovery.places import PASSPHRASE, RestorePlace
from webapp import clock
from webapp.config import BackupSettings, Config
from webapp.models import Backup
from webapp.services.recovery.read_backups import find_due_places, judge_places
from webapp.services.recovery.run_backup import make_due_backups
from webapp.services.transactions import reading, transaction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def config(config: Config, folder: Path, tmp_path: Path) -> Config:
    """Backups go into a directory."""
    binaries = config.backups.postgres_bin
    settings = BackupSettings(directory=folder, passphrase=PASSPHRASE, postgres_bin=binaries)
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return replace(config, data_dir=data_dir, backups=settings)


def states() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Backup.state).order_by(Backup.id)))


@both_databases
def test_the_file_that_was_restored_stays(
    app: Flask, folder: Path, place: RestorePlace, fake_clock: FakeClock
) -> None:
    [made] = make_due_backups({})
    file = folder / made.file_name
    fake_clock.advance(hours=1)
    place.restore(file)
    place.keys = {
        "TRIAGEDESK_BACKUP_DIR": str(folder),
        "TRIAGEDESK_BACKUP_PASSPHRASE": PASSPHRASE,
        "TRIAGEDESK_BACKUP_KEEP": "2 daily",
    }
    with place.opened() as restored:
        assert states() == ["completed"]
        assert find_due_places(clock.utcnow()) == [str(folder)], "nobody has checked that one here"
        with reading() as session:
            [state] = judge_places(
                session, restored.extensions["triagedesk_config"], clock.utcnow()
            )
        assert (state.failure, state.is_at_work, state.newest_at) == (None, False, None)
        fake_clock.advance(days=1)
        assert [one.state for one in make_due_backups({})] == ["completed"]
        assert file.exists()
        fake_clock.advance(days=1)
        make_due_backups({})
        assert not file.exists(), "it goes in its turn"
        assert states() == ["completed"] * 3


def test_one_that_was_killed_long_before_is_interrupted(
    app: Flask, folder: Path, place: RestorePlace, fake_clock: FakeClock
) -> None:
    long_ago = clock.utcnow() - timedelta(hours=3)
    with transaction() as session:
        session.add(
            Backup(
                trigger="schedule",
                state="running",
                place="/no/longer/configured",
                file_name="x",
                started_at=long_ago,
                beat_at=long_ago,
                holder="gone|x/y|1|2",
            )
        )
    [made] = make_due_backups({})
    place.restore(folder / made.file_name)
    with place.opened(), reading() as session:
        rows = session.scalars(select(Backup).order_by(Backup.id)).all()
        assert [row.state for row in rows] == ["interrupted", "completed"]
        assert [row.holder for row in rows] == [None, None]
