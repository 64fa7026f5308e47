"""The checks of `triagedesk doctor`; each failed check says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, load_only

from webapp.config import ConfigError
from webapp.domain.routing import REQUIRED, missing_settings
from webapp.models import Connection, InboxRow
from webapp.services.operations.check_encryption import UNREADABLE_HINT, find_unreadable_columns
from webapp.services.transactions import reading
from webapp.task_queue import QueueStatus

OVERDUE_AFTER = timedelta(minutes=10)
STUCK_AFTER = timedelta(hours=1)
DATABASE_HINT = (
    "PostgreSQL: check TRIAGEDESK_DATABASE_URL and that the server runs. SQLite: check that this"
    " user may write to the data directory, and that its disk is not full."
)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `hint` says what to do and is empty if all is well."""

    name: str
    is_ok: bool
    detail: str
    hint: str = ""


def describe_checks(checks: list[Check]) -> dict[str, object]:
    """The JSON document of `doctor --json`."""
    return {
        "ok": all(check.is_ok for check in checks),
        "checks": [
            {("ok" if key == "is_ok" else key): value for key, value in asdict(check).items()}
            for check in checks
        ],
    }


def check_database(migrations: Path) -> list[Check]:
    """Check that the database answers and is migrated to head, and that its secrets can be read."""
    try:
        with reading() as session:
            current = MigrationContext.configure(session.connection()).get_current_revision()
            scripts = ScriptDirectory(str(migrations))
            head = scripts.get_current_head()
            if current != head:
                return [_other_migration(scripts, current)]
            unreadable = find_unreadable_columns(session)
    except SQLAlchemyError as error:
        detail = f"It cannot be used: {first_line(error)}"
        return [Check("database", False, detail, DATABASE_HINT)]
    return [Check("database", True, f"reachable, at migration {current}"), _secrets(unreadable)]


def require_database(migrations: Path) -> None:
    """Raise ConfigError if the database does not answer or is not migrated to head."""
    check = check_database(migrations)[0]
    if not check.is_ok:
        raise ConfigError(f"The database is not ready. {check.detail}", check.hint)


def refuse_newer_database(migrations: Path) -> None:
    """Raise ConfigError if a newer version has migrated the database.

    Raises SQLAlchemyError if the database does not answer.
    """
    scripts = ScriptDirectory(str(migrations))
    with reading() as session:
        current = MigrationContext.configure(session.connection()).get_current_revision()
    if not _knows(scripts, current):
        check = _other_migration(scripts, current)
        raise ConfigError(f"The database cannot be migrated. {check.detail}", check.hint)


def first_line(error: SQLAlchemyError) -> str:
    """The first line of the database driver's message, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def _other_migration(scripts: ScriptDirectory, current: str | None) -> Check:
    if _knows(scripts, current):
        head = scripts.get_current_head()
        detail = f"It is at migration {current or 'none'}, this version needs {head}."
        return Check("database", False, detail, "Run `triagedesk migrate`.")
    return Check(
        "database",
        False,
        f"It is at migration {current}, which this version does not know: a newer one wrote it.",
        "Install the newer version again, or restore the backup made before the upgrade.",
    )


def _knows(scripts: ScriptDirectory, revision: str | None) -> bool:
    return revision is None or revision in {script.revision for script in scripts.walk_revisions()}


def _secrets(unreadable: list[str]) -> Check:
    if unreadable:
        return Check(
            "encryption keys",
            False,
            f"No configured key fits {', '.join(unreadable)}.",
            UNREADABLE_HINT,
        )
    return Check("encryption keys", True, "every stored secret can be read")


def check_queue(status: QueueStatus) -> list[Check]:
    """Check that Redis, a worker and a scheduler are running."""
    if not status.is_redis_up:
        hint = "Start `triagedesk up`, or check TRIAGEDESK_REDIS_URL."
        why = f"It cannot be used: {status.redis_error}" if status.redis_error else ""
        return [Check("redis", False, why or "It cannot be reached.", hint)]
    return [
        Check("redis", True, "reachable"),
        _alive("worker", status.has_worker),
        _alive("scheduler", status.has_scheduler),
    ]


def _alive(part: str, is_alive: bool) -> Check:
    if is_alive:
        return Check(part, True, "alive")
    hint = f"Start `triagedesk up`, or `triagedesk {part}` where the parts run singly."
    return Check(part, False, "None has been heard of for 15 seconds.", hint)


def check_connections(now: datetime) -> list[Check]:
    """One check for each connection, by name; a connection that is not polled passes."""
    with reading() as session:
        connections = session.scalars(
            select(Connection)
            .options(load_only(*_COLUMNS, raiseload=True))
            .order_by(Connection.name, Connection.id)
        ).all()
        return [_check_connection(session, connection, now) for connection in connections]


_COLUMNS = (
    Connection.id,
    Connection.name,
    Connection.disconnected_at,
    Connection.polling_started_at,
    Connection.paused_at,
    Connection.last_error,
    Connection.last_poll_started_at,
    Connection.poll_interval_minutes,
    Connection.lease_expires_at,
    *(getattr(Connection, one.column) for one in REQUIRED),
)


def _check_connection(session: Session, connection: Connection, now: datetime) -> Check:
    name = f"connection {connection.id} ({connection.name})"
    if connection.disconnected_at is not None:
        return Check(name, True, "disconnected")
    problems = [problem for find in _PROBLEMS for problem in find(session, connection, now)]
    if problems:
        return Check(name, False, " ".join(problems), "See Integrations → Huntress in the browser.")
    if connection.paused_at is not None:
        return Check(name, True, "paused")
    if connection.polling_started_at is None:
        return Check(name, True, "polling not started yet")
    if missing_settings(connection):
        return Check(name, True, "paused until its routing is complete")
    return Check(name, True, "polled on schedule")


def _find_error(_session: Session, connection: Connection, _now: datetime) -> Iterator[str]:
    if connection.last_error:
        yield f"Last poll failed: {connection.last_error}"


def _find_overdue(_session: Session, connection: Connection, now: datetime) -> Iterator[str]:
    started = connection.polling_started_at
    if started is None or connection.paused_at is not None:
        return
    if connection.lease_expires_at is not None and connection.lease_expires_at > now:
        return  # a poll is running
    last = connection.last_poll_started_at or started
    late = now - last - timedelta(minutes=connection.poll_interval_minutes)
    if late > OVERDUE_AFTER:
        yield f"The poll is overdue by {_words(late)}."


def _find_quarantined(session: Session, connection: Connection, _now: datetime) -> Iterator[str]:
    count = session.scalar(
        select(func.count()).where(
            InboxRow.connection_id == connection.id,
            InboxRow.quarantined_at.is_not(None),
            InboxRow.dismissed_at.is_(None),
        )
    )
    if count:
        yield f"{count} incidents are in quarantine."


def _find_stuck(session: Session, connection: Connection, now: datetime) -> Iterator[str]:
    if connection.paused_at is not None or missing_settings(connection):
        return  # while polling is paused, incidents wait on purpose
    oldest = session.scalar(
        select(func.min(InboxRow.first_fetched_at)).where(
            InboxRow.connection_id == connection.id,
            InboxRow.quarantined_at.is_(None),
            InboxRow.dismissed_at.is_(None),
        )
    )
    if oldest is not None and now - oldest > STUCK_AFTER:
        yield f"An incident has been waiting in the inbox for {_words(now - oldest)}."


_PROBLEMS: tuple[Callable[[Session, Connection, datetime], Iterator[str]], ...] = (
    _find_error,
    _find_overdue,
    _find_quarantined,
    _find_stuck,
)


def _words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
