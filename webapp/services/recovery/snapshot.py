"""The database as it is at one moment, in a file, while everybody goes on writing."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path

from sqlalchemy import Connection, column, func, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import Config
from webapp.domain.recovery.manifest import POSTGRESQL_MEMBER, SQLITE_MEMBER
from webapp.extensions import Base, db
from webapp.services.recovery.disk_room import LEAST_FREE, require_room
from webapp.services.recovery.postgres_tools import connection_words, find_program, running
from webapp.services.recovery.scratch import BackupError, disk_words, open_new
from webapp.services.transactions import first_line

PAGES_AT_ONCE = 1_000
VERSION_TABLE = "alembic_version"
SERVER_MAJOR = 10_000
"""PostgreSQL tells its version as a number: 150004 is 15.4."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the database: the file, its name in a backup, its migration, its rows by table."""

    file: Path
    member: str
    schema: str
    counts: Mapping[str, int]
    server_version: str | None = None
    dump_version: str | None = None


def take_snapshot(config: Config, folder: Path, beat: Callable[[], object]) -> Snapshot:
    """Copy the database into `folder`; `beat` is called every now and then.

    Nobody who writes waits for it: SQLite's log keeps what the copy reads, and PostgreSQL what its
    snapshot sees. Raises BackupError.
    """
    try:
        take = _copy_sqlite if config.uses_sqlite else _dump_postgresql
        return take(config, folder, beat)
    except (SQLAlchemyError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise BackupError(disk_words(OSError(ENOSPC, ""), folder)) from error
        words = first_line(error) if isinstance(error, SQLAlchemyError) else str(error)
        raise BackupError(f"The database cannot be read: {words}.") from error


def _copy_sqlite(config: Config, folder: Path, beat: Callable[[], object]) -> Snapshot:
    """Copy page by page inside one read transaction, so that no write starts the copy anew."""
    file = folder / SQLITE_MEMBER
    os.close(open_new(file))
    with closing(sqlite3.connect(_sqlite_file(config), isolation_level=None)) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        require_room(config.data_dir, _bytes_of(source), spare=LEAST_FREE)
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            source.backup(copy, pages=PAGES_AT_ONCE, progress=lambda *_: beat())
            copy.execute("PRAGMA journal_mode=DELETE")
            return Snapshot(file, SQLITE_MEMBER, *read_sqlite_facts(copy, Base.metadata.tables))


def _bytes_of(database: sqlite3.Connection) -> int:
    pages, page = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "page_size")
    )
    return pages * page


def _sqlite_file(config: Config) -> str:
    path = db.engine.url.database
    if not path or not Path(path).is_file():
        raise BackupError("There is no database yet; `triagedesk up` or `migrate` creates it.")
    return path


def read_sqlite_facts(
    connection: sqlite3.Connection, tables: Iterable[str]
) -> tuple[str, dict[str, int]]:
    """Return the migration of a SQLite database and the rows of those `tables` that it has.

    Raises sqlite3.Error, and BackupError if it is no database of Triagedesk.
    """
    there = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    counts = {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        for name in sorted(there & set(tables))
    }
    schema = None
    with suppress(sqlite3.OperationalError):
        schema = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
    if schema is None:
        raise BackupError("The database holds no Triagedesk; `triagedesk migrate` sets it up.")
    return schema[0], counts


def _dump_postgresql(config: Config, folder: Path, beat: Callable[[], object]) -> Snapshot:
    """Let pg_dump see the same snapshot in which the rows are counted."""
    isolated = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with db.engine.connect().execution_options(**isolated) as connection:
        snapshot = connection.scalars(text("SELECT pg_export_snapshot()")).one()
        number = int(connection.scalars(text("SHOW server_version_num")).one())
        program = find_program("pg_dump", config.backups.postgres_bin, number // SERVER_MAJOR)
        schema, counts = read_server_facts(connection, Base.metadata.tables)
        where, variables = connection_words(config.database_url)
        file = folder / POSTGRESQL_MEMBER
        os.close(open_new(file))
        command = [
            str(program.path),
            *("--format=custom", "--no-owner", "--no-privileges", "--no-password"),
            *(f"--snapshot={snapshot}", f"--file={file}"),
            *where,
        ]
        with running(command, variables, folder) as dump:
            dump.finish(beat, "pg_dump could not read the database")
    return Snapshot(
        file,
        POSTGRESQL_MEMBER,
        schema,
        counts,
        server_version=str(number // SERVER_MAJOR),
        dump_version=str(program.major),
    )


def read_server_facts(connection: Connection, tables: Iterable[str]) -> tuple[str, dict[str, int]]:
    """Return the migration of a PostgreSQL database and the rows of those `tables` that it has.

    Raises SQLAlchemyError, and BackupError if it is no database of Triagedesk.
    """
    version = table(VERSION_TABLE, column("version_num"))
    there = connection.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    ).all()
    if VERSION_TABLE not in there:
        raise BackupError("The database holds no Triagedesk; `triagedesk migrate` sets it up.")
    schema = connection.scalars(select(version.c.version_num)).one()
    counts = {
        name: connection.scalars(select(func.count()).select_from(table(name))).one()
        for name in sorted(set(there) & set(tables))
    }
    return schema, counts
