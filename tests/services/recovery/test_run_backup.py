"""Scheduled backups: made once, into every place, read back from there, kept by the rule."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.polling import AppThread
from tests.support.recovery.places import PASSPHRASE, left_overs
from tests.support.recovery.s3_server import ACCESS_KEY, SECRET_KEY, S3Server, s3_server
from tests.support.rows import add
from webapp import clock
from webapp.config import BackupSettings, Config, StorageSettings
from webapp.domain.recovery.due import DailyTime
from webapp.domain.recovery.keep import KeepRule
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.extensions import SQLITE_PRAGMAS, db
from webapp.models import Backup
from webapp.outbound.storage import object_storage
from webapp.outbound.storage.object_storage import StorageError
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.operations.check_backups import check_backups
from webapp.services.recovery import backup_rows, run_backup
from webapp.services.recovery.backup_rows import ClaimBeat, claim_backup
from webapp.services.recovery.check_backup import check_backup
from webapp.services.recovery.encryption import Opener
from webapp.services.recovery.places import fetch_file, list_files, time_of_name
from webapp.services.recovery.read_backups import find_due_places, judge_places
from webapp.services.recovery.run_backup import make_backup_now, make_due_backups
from webapp.services.transactions import reading, transaction
from webapp.services.watch.find_in_backups import find_in_backups


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups go."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


@pytest.fixture
def storage() -> Iterator[S3Server]:
    """A storage that speaks S3."""
    with s3_server() as storage:
        yield storage


@pytest.fixture
def config(config: Config, folder: Path, storage: S3Server, tmp_path: Path) -> Config:
    """Backups go into a directory and into a bucket."""
    bucket = StorageSettings(storage.url, "desk", "nightly/a", ACCESS_KEY, SECRET_KEY, "here")
    settings = BackupSettings(
        directory=folder,
        storage=bucket,
        keep=KeepRule(2, 0, 0),
        passphrase=PASSPHRASE,
        postgres_bin=config.backups.postgres_bin,
    )
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return replace(config, data_dir=data_dir, backups=settings)


def rows() -> list[Backup]:
    with reading() as session:
        query = select(Backup).order_by(Backup.id).execution_options(populate_existing=True)
        return list(session.scalars(query))


def found(app: Flask) -> set[str]:
    with reading() as session:
        config = app.extensions["triagedesk_config"]
        return {one.kind for one in find_in_backups(session, config, clock.utcnow())}


@both_databases
def test_one_backup_a_day_in_every_place_and_old_ones_go(
    app: Flask, config: Config, folder: Path, storage: S3Server, fake_clock: FakeClock
) -> None:
    assert found(app) == {Trouble.BACKUP_OVERDUE}
    for day in range(4):
        assert len(find_due_places(clock.utcnow())) == 2
        made = make_due_backups({})
        assert [(one.state, one.error) for one in made] == [("completed", None)] * 2
        assert find_due_places(clock.utcnow()) == []
        assert make_due_backups({}) == []
        assert len(list(folder.iterdir())) == len(storage.objects) == min(day + 1, 2)
        fake_clock.advance(days=1)
    kept = [row for row in rows() if row.removed_at is None]
    assert {row.file_name for row in kept} == {one.name for one in folder.iterdir()}
    assert set(storage.objects) == {f"/desk/nightly/a/{row.file_name}" for row in kept}
    assert all(row.verified_at and row.size and row.manifest for row in rows())
    assert left_overs(config.data_dir) == []
    listed = list_files(config.backups)
    assert {one.name for one in listed} == {row.file_name for row in kept}
    assert all(one.taken_at == time_of_name(one.name) for one in listed)
    size = fetch_file(config.backups, listed[0].name, config.data_dir / "fetched.age")
    assert size == listed[0].size
    with (config.data_dir / "fetched.age").open("rb") as source:
        opener = Opener(passphrase=PASSPHRASE)
        assert check_backup(source, opener, config.data_dir, config.backups.postgres_bin).rows
    with pytest.raises(NotFoundError):
        fetch_file(config.backups, "../triagedesk.db", config.data_dir / "other.age")


def test_one_that_nobody_checked_takes_no_place_of_one_that_was(
    app: Flask, folder: Path, fake_clock: FakeClock
) -> None:
    """It was at work when the backup was made that was restored."""
    checked = folder / make_due_backups({})[0].file_name
    fake_clock.advance(hours=1)
    unchecked = folder / "unchecked.age"
    unchecked.touch()
    row = {"trigger": "schedule", "state": "completed", "place": str(folder)}
    add(Backup(**row, file_name=unchecked.name, started_at=clock.utcnow()))
    for day in (1, 2):
        fake_clock.advance(days=1)
        make_due_backups({})
        assert checked.exists() == unchecked.exists() == (day == 1)


def test_files_of_others_are_left_alone(
    app: Flask, folder: Path, storage: S3Server, fake_clock: FakeClock
) -> None:
    others = [folder / "notes.txt", folder / "triagedesk-20200101T020000Z-abcdef.tar.gz.age"]
    for path in others:
        path.write_bytes(b"mine")
        storage.objects[f"/desk/nightly/a/{path.name}"] = b"mine"
    for _ in range(4):
        make_due_backups({})
        fake_clock.advance(days=1)
    assert all(path.read_bytes() == b"mine" for path in others)
    assert len(storage.objects) == 4


def test_a_place_that_fails_fails_alone_and_is_tried_again(
    app: Flask, config: Config, folder: Path, storage: S3Server, fake_clock: FakeClock
) -> None:
    storage.denied = True
    made = make_due_backups({})
    assert [one.state for one in made] == ["completed", "failed"]
    assert made[1].error == f"{storage.url}/desk: its access key may not do that."
    assert found(app) == {Trouble.BACKUP_FAILED, Trouble.BACKUP_OVERDUE}
    checks = list(check_backups(config, clock.utcnow()))
    assert [check.is_ok for check in checks] == [True, False]
    assert "The newest one is 0 s old" in checks[0].detail
    assert "The last one failed" in checks[1].detail
    fake_clock.advance(minutes=30)
    assert make_due_backups({}) == []
    fake_clock.advance(minutes=31)
    storage.denied = False
    assert [one.state for one in make_due_backups({})] == ["completed"]
    assert found(app) == set()
    assert len(storage.objects) == 1
    failed = next(row for row in rows() if row.state == "failed")
    assert failed.removed_at is not None


def test_what_cannot_be_read_back_is_no_backup(app: Flask, folder: Path, storage: S3Server) -> None:
    storage.damages = True
    made = make_due_backups({})
    assert [one.state for one in made] == ["completed", "failed"]
    assert made[1].error == "The file is damaged or cut off."
    assert storage.objects == {}, "it is not kept, else each try would leave one"
    assert rows()[1].removed_at is not None


def test_what_could_not_be_taken_back_may_be_there(
    app: Flask, storage: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("It may not delete.")

    monkeypatch.setattr(object_storage, "remove_file", fail)
    storage.damages = True
    assert [one.state for one in make_due_backups({})] == ["completed", "failed"]
    assert len(storage.objects) == 1
    assert rows()[1].removed_at is None


def test_a_directory_that_is_not_mounted_says_so(
    app: Flask, folder: Path, fake_clock: FakeClock
) -> None:
    folder.rmdir()
    assert make_due_backups({})[0].error == (
        f"{folder} is not there. Create it, or mount what it is on."
    )
    assert not folder.exists()


def test_a_storage_that_is_away_says_so(
    app: Flask, config: Config, storage: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "BACKOFF_SECONDS", 0.01)
    assert config.backups.storage is not None
    gone = replace(config.backups.storage, server="http://127.0.0.1:9")
    app.extensions["triagedesk_config"] = replace(
        config, backups=replace(config.backups, storage=gone, directory=None)
    )
    [made] = make_due_backups({})
    assert made.error is not None
    assert made.error.startswith("http://127.0.0.1:9/desk cannot be reached")
    assert SECRET_KEY not in made.error


def test_a_large_file_goes_in_parts(
    app: Flask, storage: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "PART_BYTES", 5 * 1024 * 1024)
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 50_000)
    place = object_storage.Bucket(storage.url, "desk", "", ACCESS_KEY, SECRET_KEY, "here")
    beats: list[int] = []
    object_storage.put_file(place, "large", large, lambda: beats.append(1))
    assert storage.objects["/desk/large"] == large.read_bytes()
    assert len(beats) == 3
    with object_storage.opened_file(place, "large") as source:
        assert source.read(10) == bytes(range(10))


@both_databases
def test_many_schedulers_make_one_backup(app: Flask, config: Config) -> None:
    barrier = threading.Barrier(4)

    def work() -> list[object]:
        barrier.wait()
        return list(make_due_backups({}))

    results = [thread.outcome(120) for thread in [AppThread(app, work) for _ in range(4)]]
    assert sorted(len(one) for one in results)[:2] == [0, 0]
    assert len(rows()) == 2
    assert {row.state for row in rows()} == {"completed"}


@both_databases
def test_a_killed_one_is_noticed_and_made_again(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    words = config.backups.places[0]
    claim = claim_backup(words, "x", trigger="schedule", due=DailyTime(), now=clock.utcnow())
    assert claim is not None
    assert find_due_places(clock.utcnow()) == [config.backups.places[1]]
    with transaction() as session:
        session.execute(update(Backup).values(holder="gone|x/y|1|2"))  # on another machine
    fake_clock.advance(minutes=4)
    assert find_due_places(clock.utcnow()) == [config.backups.places[1]]
    fake_clock.advance(minutes=2)
    assert len(make_due_backups({})) == 2
    assert [row.state for row in rows()] == ["interrupted", "completed", "completed"]
    backup_rows.note_failed(claim, "too late", is_stored=False)
    assert rows()[0].state == "interrupted"


def test_one_whose_process_has_ended_here_is_made_again_at_once(
    app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = config.backups.places[0]
    claim_backup(words, "x", trigger="schedule", due=DailyTime(), now=clock.utcnow())
    monkeypatch.setattr(backup_rows, "is_gone", lambda holder: holder is not None)
    assert words in find_due_places(clock.utcnow())


def test_whoever_lost_the_claim_stops(
    app: Flask, config: Config, folder: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = run_backup.write_backup

    def slow(*arguments: object, **options: object) -> object:
        fake_clock.advance(minutes=1)
        with transaction() as session:
            session.execute(update(Backup).values(state="interrupted"))
        return make(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run_backup, "write_backup", slow)
    assert {one.state for one in make_due_backups({})} == {"interrupted"}
    assert list(folder.iterdir()) == []


@both_databases
def test_of_two_places_the_one_that_is_lost_is_left_out(
    app: Flask,
    folder: Path,
    storage: S3Server,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = run_backup.write_backup

    def slow(*arguments: object, **options: object) -> object:
        with transaction() as session:
            session.execute(
                update(Backup).where(Backup.place == str(folder)).values(state="interrupted")
            )
        fake_clock.advance(minutes=1)
        return make(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run_backup, "write_backup", slow)
    assert [one.state for one in make_due_backups({})] == ["interrupted", "completed"]
    assert rows()[0].removed_at is None, "nothing was put there that had to be deleted"
    assert list(folder.iterdir()) == []
    assert len(storage.objects) == 1


def test_a_database_that_is_locked_for_a_while_ends_no_backup(
    app: Flask, config: Config, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SQLITE_PRAGMAS, "busy_timeout", "50")
    db.engine.dispose()
    [words, _] = config.backups.places
    claim = claim_backup(words, "x", trigger="schedule", due=None, now=clock.utcnow())
    assert claim is not None
    beat = ClaimBeat([claim])
    other = sqlite3.connect(db.engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        fake_clock.advance(seconds=11)
        beat()
    other.execute("ROLLBACK")
    other.close()
    assert rows()[0].beat_at != clock.utcnow()
    fake_clock.advance(seconds=11)
    beat.of(claim)()
    assert rows()[0].beat_at == clock.utcnow()


def test_told_to_stop_it_says_so_and_leaves_nothing(
    app: Flask, config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_arguments: object, **_options: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr(run_backup, "check_backup", stopped)
    with pytest.raises(SystemExit):
        make_due_backups({})
    assert {row.state for row in rows()} == {"interrupted"}
    assert all(row.removed_at for row in rows())
    assert list(folder.iterdir()) == []
    assert left_overs(config.data_dir) == []
    assert len(find_due_places(clock.utcnow())) == 2


def test_whatever_goes_wrong_is_on_record(
    app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(run_backup, "write_backup", broken)
    assert {one.error for one in make_due_backups({})} == {
        "Internal error (KeyError); the log has the details."
    }
    assert all(row.removed_at for row in rows()), "there is no file"
    with reading() as session:
        states = judge_places(session, config, clock.utcnow())
    assert all(state.failure for state in states)


def test_without_a_place_nothing_is_made(app: Flask, config: Config) -> None:
    app.extensions["triagedesk_config"] = replace(config, backups=BackupSettings())
    assert make_due_backups({}) == []
    assert found(app) == set()
    with pytest.raises(RefusedError, match="No place for backups is configured"):
        make_backup_now({})


def test_by_hand_it_is_made_at_any_time_and_counts_for_the_day(
    app: Flask, config: Config, fake_clock: FakeClock
) -> None:
    assert len(make_backup_now({})) == 2
    assert {row.trigger for row in rows()} == {"command"}
    assert find_due_places(clock.utcnow()) == []
    fake_clock.advance(minutes=1)
    assert len(make_backup_now({}, trigger="manual")) == 2
    with reading() as session:
        [state, _] = judge_places(session, config, clock.utcnow() + timedelta(hours=27))
    assert state.is_overdue
