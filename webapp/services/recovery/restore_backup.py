"""Restoring a backup into an empty place, all of it or nothing.

Everything is unpacked, checked, migrated and settled in a scratch place first. A SQLite database
then gets its name in one step; a PostgreSQL database is marked until it is complete. Whoever is
killed in between, or finds the disk full, runs the same command again.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import Config, load_config, read_backups, read_data_dir, read_database_url
from webapp.domain.recovery.manifest import Manifest
from webapp.domain.recovery.settle import full_moment
from webapp.extensions import db
from webapp.schema import known_revisions
from webapp.services.recovery.check_backup import check_database_copy
from webapp.services.recovery.disk_room import require_room
from webapp.services.recovery.encryption import Opener
from webapp.services.recovery.open_backup import OpenedBackup, unpack_backup
from webapp.services.recovery.restore_keys import RestoredKeys, choose_keys, write_keys
from webapp.services.recovery.restore_postgresql import require_empty_server, restore_dump
from webapp.services.recovery.scratch import (
    BackupError,
    clean_scratch_in,
    describing_disk,
    scratch_place,
    sync_folder,
)
from webapp.services.recovery.settle_restore import settle_restore
from webapp.services.transactions import first_line, transaction

OpenApp = Callable[[Config], AbstractContextManager[object]]
"""Opens an app on the database of a configuration, with nobody else at work on it."""

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class RestoredBackup:
    """What was restored, how many rows it has, and what else there is to say, in sentences."""

    manifest: Manifest
    rows: int
    restored_at: datetime
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a backup is to be restored: the configuration, as far as it can be read before."""

    env: Mapping[str, str]
    data_dir: Path
    database_url: str
    postgres_bin: Path | None

    @property
    def kind(self) -> str:
        return "sqlite" if self.database_url.startswith("sqlite") else "postgresql"

    @property
    def sqlite_file(self) -> Path:
        return Path(make_url(self.database_url).database or "")

    @property
    def work_dir(self) -> Path:
        """Where the scratch place is: on the disk that the database goes to."""
        return self.sqlite_file.parent if self.kind == "sqlite" else self.data_dir


def restore_backup(
    env: Mapping[str, str],
    file: Path,
    opener: Opener,
    open_app: OpenApp,
    *,
    beat: Callable[[], object] = lambda: None,
) -> RestoredBackup:
    """Restore a backup into the empty data directory or database that `env` configures.

    Keys come from the backup where `env` gives none. Raises BackupError, AgeFileError and
    ConfigError; the place is as empty as before then, and the same can be tried again.
    """
    place = _read_place(env)
    with describing_disk(place.work_dir):
        clean_scratch_in(place.work_dir)
    _require_empty_place(place)
    with scratch_place(place.work_dir) as folder:
        with describing_disk(file), file.open("rb") as source:
            accept = partial(_accept, place)
            opened = unpack_backup(source, opener, folder, accept=accept, beat=beat)
        counts = check_database_copy(opened, place.postgres_bin, beat)
        keys = choose_keys(env, place.data_dir, opened)
        config = load_config(keys.environment)
        now = clock.utcnow()
        settle = partial(
            settle_restore, taken_at=opened.manifest.taken_at, now=now, file_name=file.name
        )
        if config.uses_sqlite:
            _restore_sqlite(config, place, opened, keys, open_app, settle)
        else:
            with open_app(config):
                restore_dump(config, opened, settle, partial(write_keys, keys), beat)
    return RestoredBackup(opened.manifest, sum(counts.values()), now, keys.notes)


def _read_place(env: Mapping[str, str]) -> _Place:
    data_dir = read_data_dir(env)
    return _Place(env, data_dir, read_database_url(env, data_dir), read_backups(env).postgres_bin)


def _require_empty_place(place: _Place) -> None:
    if place.kind == "postgresql":
        require_empty_server(place.database_url)
        return
    file = place.sqlite_file
    log = file.with_name(f"{file.name}-wal")
    if any(one.exists() and one.stat().st_size for one in (file, log)):
        raise BackupError(
            f"{file} is there already: a backup is only ever restored into an empty place. Set"
            " TRIAGEDESK_DATA_DIR to a new directory, or move the old one away; nothing was"
            " changed."
        )


def _accept(place: _Place, manifest: Manifest) -> None:
    """Raise BackupError for a backup that cannot be restored here, before it is unpacked."""
    if manifest.schema not in known_revisions():
        raise BackupError(
            f"The backup was made by Triagedesk {manifest.product_version} (migration"
            f" {manifest.schema}), which is newer than this one. Install that version first."
        )
    if manifest.database != place.kind:
        raise BackupError(
            f"The backup holds a {KINDS[manifest.database]} database, and {KINDS[place.kind]} is"
            " configured. Set TRIAGEDESK_DATABASE_URL to a database of the same kind, or leave it"
            " out for SQLite."
        )
    if place.kind == "postgresql":
        require_empty_server(place.database_url, manifest)
    require_room(place.work_dir, manifest.database_size)


def _restore_sqlite(
    config: Config,
    place: _Place,
    opened: OpenedBackup,
    keys: RestoredKeys,
    open_app: OpenApp,
    settle: Callable[[Session], object],
) -> None:
    """Migrate and settle the copy, and then give it its name."""
    try:
        with open_app(replace(config, database_url=f"sqlite:///{opened.database}")):
            upgrade()
            with transaction() as session:
                settle(session)
            db.session.remove()
            db.engine.dispose()
        with closing(sqlite3.connect(opened.database, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE")  # takes the log into the file
    except (SQLAlchemyError, sqlite3.Error) as error:
        words = first_line(error) if isinstance(error, SQLAlchemyError) else str(error)
        raise BackupError(f"The database of the backup cannot be migrated: {words}.") from error
    with describing_disk(place.work_dir):
        descriptor = os.open(opened.database, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        write_keys(keys)
        _require_empty_place(place)
        opened.database.rename(place.sqlite_file)
        sync_folder(place.work_dir)


def describe_restored(restored: RestoredBackup) -> str:
    """Return what was restored as a sentence."""
    return (
        f"Restored {restored.rows:,} rows of {full_moment(restored.manifest.taken_at)}, made by"
        f" Triagedesk {restored.manifest.product_version}."
    )
