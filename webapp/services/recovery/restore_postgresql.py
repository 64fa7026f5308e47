"""Putting a dump into an empty PostgreSQL database, so that nobody ever sees the half of it.

pg_restore works in one transaction, but what has to follow it needs another one. In between the
database is marked: its migration is called RESTORING, which no version knows, so that nothing
starts on it. A restore that finds the mark removes what the one before has left, and begins again.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import Config
from webapp.domain.recovery.manifest import Manifest, compare_counts
from webapp.extensions import db
from webapp.schema import RESTORING, upgrade_over
from webapp.services.recovery.open_backup import OpenedBackup
from webapp.services.recovery.postgres_tools import connection_words, find_program, running
from webapp.services.recovery.scratch import BackupError
from webapp.services.recovery.snapshot import SERVER_MAJOR, VERSION_TABLE, read_server_facts
from webapp.services.transactions import first_line

_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
_LEFT_OVER = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user"
    " AND application_name = 'pg_restore'"
)
ENDS_WITHIN_SECONDS = 20
_FUNCTIONS = text(
    "SELECT p.oid::regprocedure::text FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = current_schema() AND NOT EXISTS"
    " (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)


def require_empty_server(database_url: str, manifest: Manifest | None = None) -> int:
    """Return the server's major version if the database is empty, or a restore was cut off in it.

    Raises BackupError where it is not, cannot be reached, or is older than the backup's server.
    """
    engine = create_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            number = int(connection.scalars(text("SHOW server_version_num")).one())
            _require_empty(connection)
    except SQLAlchemyError as error:
        raise BackupError(
            f"The database cannot be used: {first_line(error)}. Check TRIAGEDESK_DATABASE_URL, and"
            " that the server runs and has this database."
        ) from error
    major = number // SERVER_MAJOR
    if manifest is not None and major < int(manifest.server_version or 0):
        raise BackupError(
            f"The backup comes from PostgreSQL {manifest.server_version}, and this server is of"
            f" version {major}. Restore it on version {manifest.server_version} or later."
        )
    return major


def _require_empty(connection: Connection) -> None:
    tables = connection.scalars(_TABLES).all()
    if tables and not _is_marked(connection, tables):
        raise BackupError(
            "The database is not empty: a backup is only ever restored into an empty one. Create a"
            " new database and set TRIAGEDESK_DATABASE_URL to it; nothing was changed."
        )


def _is_marked(connection: Connection, tables: object) -> bool:
    """Whether a restore was begun in this database and has not come to its end."""
    if VERSION_TABLE not in tables:  # type: ignore[operator]
        return False
    found = connection.scalars(text(f"SELECT version_num FROM {VERSION_TABLE}")).all()  # noqa: S608
    return found == [RESTORING]


def restore_dump(
    config: Config,
    opened: OpenedBackup,
    settle: Callable[[Session], object],
    before_end: Callable[[], object],
    beat: Callable[[], object],
) -> None:
    """Restore the dump of `opened` into the current app's database, migrate it, and settle it.

    `before_end` is called when nothing is missing but the last commit. Raises BackupError.
    """
    manifest = opened.manifest
    try:
        _end_left_over()
        with db.engine.begin() as connection:
            _mark(connection)
        _run_restore(config, opened, require_empty_server(config.database_url, manifest), beat)
        with db.engine.begin() as connection:
            _finish(connection, manifest, settle)
            before_end()
    except SQLAlchemyError as error:
        raise BackupError(f"The database cannot be restored: {first_line(error)}.") from error


def _end_left_over() -> None:
    """End a pg_restore whose command was killed; only in a database that bears the mark."""
    with db.engine.connect() as connection:
        for _ in range(ENDS_WITHIN_SECONDS):
            tables = connection.scalars(_TABLES).all()
            if not _is_marked(connection, tables) or not connection.scalars(_LEFT_OVER).all():
                return
            clock.sleep(1)


def _mark(connection: Connection) -> None:
    """Remove what a restore before this one has left, and mark the database."""
    _require_empty(connection)
    for name in connection.scalars(_TABLES).all():
        connection.execute(text(f'DROP TABLE "{name}" CASCADE'))
    # One that another one calls goes with it.
    for name in connection.scalars(_FUNCTIONS).all():
        connection.execute(text(f"DROP FUNCTION IF EXISTS {name} CASCADE"))
    connection.execute(
        text(
            f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL,"
            f" CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(
        text(f"INSERT INTO {VERSION_TABLE} VALUES (:mark)"),  # noqa: S608
        {"mark": RESTORING},
    )


def _run_restore(
    config: Config, opened: OpenedBackup, server: int, beat: Callable[[], object]
) -> None:
    """Restore everything but the table with the mark, all or nothing."""
    least = max(server, int(opened.manifest.dump_version or 0))
    program = str(find_program("pg_restore", config.backups.postgres_bin, least).path)
    contents = _write_contents(program, opened.database, beat)
    where, variables = connection_words(config.database_url)
    command = [
        program,
        *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"),
        *("--no-password", f"--use-list={contents}"),
        *where,
        str(opened.database),
    ]
    with running(command, variables, opened.database.parent) as restore:
        restore.finish(beat, "pg_restore could not restore the database; nothing of it was kept")


def _write_contents(program: str, dump: Path, beat: Callable[[], object]) -> Path:
    """Write the list of what is to be restored."""
    with running([program, "--list", str(dump)], {}, dump.parent, has_output=True) as reader:
        lines = reader.output.readlines()
        reader.finish(beat, "pg_restore could not read the backup")
    contents = dump.with_suffix(".list")
    wanted = [line for line in lines if f" {VERSION_TABLE} ".encode() not in line]
    contents.write_bytes(b"".join(wanted))
    return contents


def _finish(
    connection: Connection, manifest: Manifest, settle: Callable[[Session], object]
) -> None:
    _, counts = read_server_facts(connection, manifest.counts)
    problems = compare_counts(manifest.counts, counts)
    if problems:
        raise BackupError(f"The restored database is not complete. {' '.join(problems[:3])}")
    connection.execute(
        text(f"UPDATE {VERSION_TABLE} SET version_num = :schema"),  # noqa: S608
        {"schema": manifest.schema},
    )
    upgrade_over(connection)
    with Session(bind=connection) as session:
        settle(session)
