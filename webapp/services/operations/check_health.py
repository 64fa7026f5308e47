"""The checks of `triagedesk doctor`; each failed check says what to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import ConfigError
from webapp.domain.polling_health import State, Tone
from webapp.models import InboxRow
from webapp.schema import RESTORING
from webapp.services.keys.verify_values import UnreadableValue, find_unreadable
from webapp.services.operations.check_encryption import (
    MISPLACED_HINT,
    UNREADABLE_HINT,
    columns_without_key,
    describe_misplaced,
)
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.transactions import first_line, reading
from webapp.task_queue import FORGOTTEN_AFTER_SECONDS, PartStatus, QueueStatus

STUCK_AFTER = timedelta(hours=1)
DATABASE_HINT = (
    "PostgreSQL: check TRIAGEDESK_DATABASE_URL and that the server runs. SQLite: check that this"
    " user may write to the data directory, and that its disk is not full."
)


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `hint` says what to do and is empty if all is well.

    `tone` is for what is not wrong and yet not well: stopped on purpose, or not in use.
    """

    name: str
    is_ok: bool
    detail: str
    hint: str = ""
    tone: Tone | None = None

    @property
    def kind(self) -> Tone:
        """How the result is to be taken."""
        return Tone.BAD if not self.is_ok else self.tone or Tone.GOOD


def summarize(checks: Iterable[Check]) -> Tone:
    """How all checks together are to be taken: GOOD, or DELIBERATE or BAD if one is."""
    kinds = {check.kind for check in checks}
    return next((one for one in (Tone.BAD, Tone.DELIBERATE) if one in kinds), Tone.GOOD)


def describe_checks(checks: list[Check]) -> dict[str, object]:
    """The JSON document of `doctor --json`; `ok` is true only if nothing is stopped either."""
    result = summarize(checks)
    return {
        "ok": result is Tone.GOOD,
        "stopped": result is Tone.DELIBERATE,
        "checks": [
            {
                "name": check.name,
                "ok": check.is_ok,
                "kind": check.kind.value,
                "detail": check.detail,
                "hint": check.hint,
            }
            for check in checks
        ],
    }


def check_database(migrations: Path) -> list[Check]:
    """Check that the database answers and is migrated to head, and that its secrets can be read."""
    check = _check_schema(migrations)
    if not check.is_ok:
        return [check]
    try:
        with reading() as session:
            return [check, *_secrets(find_unreadable(session))]
    except SQLAlchemyError as error:
        return [_unusable(error)]


def require_database(migrations: Path) -> None:
    """Raise ConfigError if the database does not answer or is not at this version's migration."""
    check = _check_schema(migrations)
    if not check.is_ok:
        raise ConfigError(f"The database is not ready. {check.detail}", check.hint)


def _check_schema(migrations: Path) -> Check:
    try:
        with reading() as session:
            current = MigrationContext.configure(session.connection()).get_current_revision()
    except SQLAlchemyError as error:
        return _unusable(error)
    scripts = ScriptDirectory(str(migrations))
    if current != scripts.get_current_head():
        return _other_migration(scripts, current)
    return Check("database", True, f"reachable, at migration {current}")


def _unusable(error: SQLAlchemyError) -> Check:
    return Check("database", False, f"It cannot be used: {first_line(error)}", DATABASE_HINT)


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


def _other_migration(scripts: ScriptDirectory, current: str | None) -> Check:
    if _knows(scripts, current):
        head = scripts.get_current_head()
        detail = f"It is at migration {current or 'none'}, this version needs {head}."
        return Check("database", False, detail, "Run `triagedesk migrate`.")
    if current == RESTORING:
        detail = "A backup is being restored into it, or a restore was cut off."
        return Check("database", False, detail, "Run the same `triagedesk restore` again.")
    return Check(
        "database",
        False,
        f"It is at migration {current}, which this version does not know: a newer one wrote it.",
        "Install the newer version again, or restore the backup made before the upgrade.",
    )


def _knows(scripts: ScriptDirectory, revision: str | None) -> bool:
    return revision is None or revision in {script.revision for script in scripts.walk_revisions()}


def _secrets(unreadable: list[UnreadableValue]) -> Iterator[Check]:
    name = "encryption keys"
    if columns := columns_without_key(unreadable):
        detail = f"The configured keys cannot decrypt {', '.join(columns)}."
        yield Check(name, False, detail, UNREADABLE_HINT)
    elif not unreadable:
        yield Check(name, True, "every stored secret can be read")
    if misplaced := describe_misplaced(unreadable):
        yield Check("stored secrets", False, f"{misplaced}.", MISPLACED_HINT)


def check_queue(status: QueueStatus) -> list[Check]:
    """Check that Redis, a worker and a scheduler are running."""
    if not status.is_redis_up:
        hint = (
            "Check that Redis runs, and TRIAGEDESK_REDIS_URL. `triagedesk up` brings a server of"
            " its own and starts it again by itself."
        )
        why = f"It cannot be used: {status.redis_error}" if status.redis_error else ""
        return [Check("redis", False, why or "It cannot be reached.", hint)]
    return [
        Check("redis", True, "reachable"),
        *_check_parts("worker", status, is_alive=status.has_worker),
        *_check_parts("scheduler", status, is_alive=status.has_scheduler),
    ]


def _check_parts(name: str, status: QueueStatus, *, is_alive: bool) -> Iterator[Check]:
    """A check of the part as such, and one for each machine on which it has fallen silent."""
    parts = [part for part in status.parts if part.name == name]
    silent = [part for part in parts if part.is_silent]
    if is_alive:
        notes = [f"on {part.machine} {part.note}" for part in parts if part.note]
        yield Check(name, True, "; ".join(("alive", *notes)))
    elif not silent:
        hint = f"Start `triagedesk up`, or `triagedesk {name}` where each part runs by itself."
        yield Check(name, False, f"No {name} has reported for 15 seconds.", hint)
    for part in silent:
        seconds = timedelta(seconds=part.silent_seconds)
        detail = f"It has not reported for {_words(seconds)}."
        yield Check(f"{name} on {part.machine}", False, detail, _how_to_start(part, status))


def _how_to_start(part: PartStatus, status: QueueStatus) -> str:
    """What to do about a part that has fallen silent; `up` sees to its own parts."""
    if any(
        other.machine == part.machine and other.is_supervised and not other.is_silent
        for other in status.parts
    ):
        return "`triagedesk up` runs there and starts it again within a minute; its log says more."
    hours = FORGOTTEN_AFTER_SECONDS // 3600
    return (
        f"Start it there again: `triagedesk up`, or `triagedesk {part.name}` where each part"
        f" runs by itself. If it was removed on purpose, this goes away within {hours} hours."
    )


def check_parts(status: QueueStatus, connections: Sequence[JudgedConnection]) -> list[Check]:
    """Check the queue and its parts, unless `poll --due` polls in their place."""
    if any(one.judgement.by_timer for one in connections):
        detail = "not needed: a timer polls here with poll --due"
        return [Check("redis", True, detail, tone=Tone.NEUTRAL)]
    return check_queue(status)


def check_clock(connections: Sequence[JudgedConnection]) -> Check:
    """Check this machine's clock against the database's, and our time against Huntress's."""
    skew = clock.shared.skew()
    wrong = []
    if clock.does_matter(skew):
        wrong.append(f"This machine's clock is {clock.skew_words(skew)} the database's.")
    wrong += [
        f"The time here is {clock.skew_words(one.skew)} Huntress's (connection {one.name})."
        for one in connections
        if clock.does_matter(one.skew) and one.judgement.tone is not Tone.DELIBERATE
    ]
    if wrong:
        return Check("clock", False, " ".join(wrong), clock.SKEW_HINT)
    return Check("clock", True, "no difference that matters")


def check_connections(connections: Sequence[JudgedConnection], now: datetime) -> list[Check]:
    """One check for each connection; what was stopped on purpose is not wrong, nor is it well."""
    with reading() as session:
        return [_check_connection(session, one, now) for one in connections]


def _check_connection(session: Session, connection: JudgedConnection, now: datetime) -> Check:
    name = f"connection {connection.id} ({connection.name})"
    judgement = connection.judgement
    problems = []
    if judgement.state not in (State.UNAVAILABLE, State.DISCONNECTED):
        problems = [
            problem
            for find in (_find_quarantined, _find_stuck)
            for problem in find(session, connection, now)
        ]
    is_polled = judgement.state in (State.COMPLETED, State.SYNCING, State.PENDING)
    if problems and is_polled:
        return Check(name, False, " ".join(problems), "See Integrations → Huntress in the browser.")
    detail = " ".join([judgement.sentence(), *problems])
    is_ok = judgement.tone is not Tone.BAD and not problems
    tone = None if is_polled else judgement.tone
    return Check(name, is_ok, detail, judgement.advice, tone)


def _find_quarantined(
    session: Session, connection: JudgedConnection, _now: datetime
) -> Iterator[str]:
    count = session.scalar(
        select(func.count()).where(
            InboxRow.connection_id == connection.id,
            InboxRow.quarantined_at.is_not(None),
            InboxRow.dismissed_at.is_(None),
        )
    )
    if count:
        yield f"{count:,} {'incident is' if count == 1 else 'incidents are'} in quarantine."


def _find_stuck(session: Session, connection: JudgedConnection, now: datetime) -> Iterator[str]:
    if connection.judgement.tone is Tone.DELIBERATE:
        return  # while polling is stopped, incidents wait on purpose
    oldest = session.scalar(
        select(func.min(InboxRow.first_fetched_at)).where(
            InboxRow.connection_id == connection.id,
            InboxRow.quarantined_at.is_(None),
            InboxRow.dismissed_at.is_(None),
        )
    )
    if oldest is not None and now - oldest > STUCK_AFTER:
        yield f"A report has been waiting to become a ticket for {_words(now - oldest)}."


def _words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 2:
        return f"{span.total_seconds():.0f} seconds"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
