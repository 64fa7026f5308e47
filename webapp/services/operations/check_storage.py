"""Checks of what the database is stored in: its files, whether it takes a write, what it holds."""

import os
import pwd
import shlex
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import ENCRYPTION_KEYS_FILE, SECRET_KEY_FILE, Config
from webapp.extensions import SQLITE_BUSY_MILLISECONDS, Base, db
from webapp.models.ticket_search import SEARCH_TABLE
from webapp.services.operations.check_health import DATABASE_HINT, Check
from webapp.services.transactions import first_line

WRITE_SECONDS = 2
"""How long the trial write waits for another process's lock."""

TRIAL_BYTES = 64 * 1024
"""What is written beside a SQLite file, to see whether its disk takes it."""

QUICK_CHECK_STEPS = 10_000
"""SQLite asks after so many steps of its machine whether to go on."""

LEAST_PAUSE_SECONDS = 600.0
"""The Health page looks at the whole SQLite file once in this time, in each process."""

TRIAL_WRITE = "UPDATE alembic_version SET version_num = version_num"
NOT_DAMAGED = "ok"

_last_looks: dict[str, tuple[float, list[Check]]] = {}
"""When this process looked at the whole file last, and what it found, by database."""


def check_storage(config: Config, *, seconds: float) -> list[Check]:
    """Check the database's files, a write that is rolled back, its objects and SQLite's pages.

    The last one looks for `seconds` at most. The database has to answer.
    """
    return [
        *check_owners(config),
        check_writing(),
        check_objects(),
        *(check_pages(seconds) if config.uses_sqlite else ()),
    ]


def check_storage_for_page(config: Config) -> list[Check]:
    """The same for a page that is often opened: the whole file is looked at every ten minutes.

    In between it says what was found last; damage is looked for again each time.
    """
    checks = [*check_owners(config), check_writing(), check_objects()]
    if not config.uses_sqlite:
        return checks
    now = time.monotonic()
    at, pages = _last_looks.get(config.database_url, (now - LEAST_PAUSE_SECONDS, []))
    if now - at >= LEAST_PAUSE_SECONDS or not all(check.is_ok for check in pages):
        pages = check_pages(seconds=1)
        _last_looks[config.database_url] = now, pages
    return [*checks, *pages]


def check_writing() -> Check:
    """Try a write and roll it back; waits two seconds at most for another process's lock."""
    try:
        try_write(WRITE_SECONDS)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        detail = f"Nothing can be written: {_describe(error)}."
        return Check("database writes", False, detail, _write_hint(error))
    return Check("database writes", True, "a trial write worked and was rolled back")


def try_write(seconds: float) -> None:
    """Write one row and roll it back, waiting `seconds` at most for a lock.

    Raises SQLAlchemyError, or for SQLite sqlite3.Error or OSError.
    """
    if db.engine.dialect.name == "sqlite":
        _try_sqlite(seconds)
        return
    with db.engine.connect() as connection:
        milliseconds = int(seconds * 1000)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        connection.exec_driver_sql(TRIAL_WRITE)  # closing the connection takes it back


def _try_sqlite(seconds: float) -> None:
    """The lock is waited for shortly: the product's own patience would hold up a page."""
    file = _sqlite_file()
    if file is not None:
        with tempfile.TemporaryFile(dir=file.parent) as trial:
            trial.write(b"\0" * TRIAL_BYTES)
            trial.flush()
            os.fsync(trial.fileno())
    connection = db.engine.raw_connection()
    try:
        connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(TRIAL_WRITE)  # returning it to the pool takes the write back
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MILLISECONDS}")
    finally:
        connection.close()


def check_owners(config: Config) -> list[Check]:
    """Check that the files of the database and the keys belong to the user who runs this."""
    problems = [*_foreign_files(config)]
    if not problems:
        files = any(path.exists() for path in _files(config))
        return [Check("files", True, "all belong to this user")] if files else []
    owner = problems[0][1]
    names = ", ".join(f"{path} ({_name(uid)})" for path, uid in problems)
    paths = " ".join(shlex.quote(str(path)) for path, _ in problems)
    me = _name(os.geteuid())
    hint = f"If {me} runs Triagedesk: sudo chown {me} {paths}"
    if os.geteuid() == 0 or owner != 0:
        hint += f" - if {_name(owner)} does: sudo -u {_name(owner)} triagedesk doctor"
    return [Check("files", False, f"Files belong to another user: {names}.", hint)]


def _foreign_files(config: Config) -> Iterator[tuple[Path, int]]:
    for path in _files(config):
        try:
            owner = path.stat().st_uid
        except OSError:
            continue  # there is none
        if owner != os.geteuid():
            yield path, owner


def _files(config: Config) -> list[Path]:
    database = _sqlite_file() if config.uses_sqlite else None
    keys = [config.data_dir / name for name in (SECRET_KEY_FILE, ENCRYPTION_KEYS_FILE)]
    if database is None:
        return keys
    return [*(database.with_name(database.name + end) for end in ("", "-wal", "-shm")), *keys]


def check_objects() -> Check:
    """Check that every table, column and index of the models is in the database."""
    try:
        missing = find_missing_objects()
    except SQLAlchemyError as error:
        return Check("schema", False, f"It cannot be read: {first_line(error)}", DATABASE_HINT)
    if missing:
        detail = f"Missing in the database: {', '.join(missing)}."
        hint = (
            "Restore the backup made before the upgrade, run `triagedesk migrate`, and report it."
        )
        return Check("schema", False, detail, hint)
    return Check("schema", True, "every table, column and index is there")


def find_missing_objects() -> list[str]:
    """The tables, columns and indexes of the models that the database lacks, by name."""
    found = inspect(db.engine)
    names = set(found.get_table_names())
    columns = {key[1]: found_ for key, found_ in found.get_multi_columns().items()}
    indexes = {key[1]: found_ for key, found_ in found.get_multi_indexes().items()}
    missing = [] if SEARCH_TABLE in names else [f"table {SEARCH_TABLE}"]
    for table in Base.metadata.sorted_tables:
        if table.name not in names:
            missing.append(f"table {table.name}")
            continue
        there = {column["name"] for column in columns[table.name]}
        missing += [
            f"column {table.name}.{one.name}" for one in table.columns if one.name not in there
        ]
        known = {index["name"] for index in indexes[table.name]}
        missing += sorted(f"index {one.name}" for one in table.indexes if one.name not in known)
    return missing


def check_pages(seconds: float) -> list[Check]:
    """Let SQLite look for damage in its file, for `seconds` at most."""
    try:
        connection = db.engine.raw_connection()
    except (sqlite3.DatabaseError, SQLAlchemyError) as error:  # its very beginning is damaged
        return [_damaged(_describe(error))]
    driver: sqlite3.Connection = connection.driver_connection  # type: ignore[assignment]
    give_up_at = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > give_up_at, QUICK_CHECK_STEPS)
    try:
        found = driver.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            found = str(error)
        else:
            detail = f"no damage found within {seconds:g} s; the file is larger than that"
            return [Check("database file", True, detail)]
    except sqlite3.DatabaseError as error:
        found = str(error)
    finally:
        driver.set_progress_handler(None, 0)
        connection.close()
    if found == NOT_DAMAGED:
        return [Check("database file", True, "no damage found")]
    return [_damaged(found)]


def _damaged(what: str) -> Check:
    hint = "Stop Triagedesk, keep a copy of the file, and restore the last backup."
    return Check("database file", False, f"It is damaged: {what.splitlines()[0]}.", hint)


def _sqlite_file() -> Path | None:
    name = db.engine.url.database
    return Path(name) if name and name != ":memory:" else None


def _describe(error: Exception) -> str:
    if isinstance(error, SQLAlchemyError):
        return first_line(error)
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _write_hint(error: Exception) -> str:
    if "locked" in str(error) or "timeout" in str(error):
        return "Another program holds the database: end it, or wait until its work is done."
    return DATABASE_HINT


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
