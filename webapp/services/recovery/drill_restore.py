"""A drill: the newest backup is restored in a scratch place, by the command of the worst day.

Nothing of this installation helps it but what opens the backup: the keys come from the backup, and
the database is a new one.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import PREFIX, Config
from webapp.extensions import current_config, db
from webapp.services.audit import record_event
from webapp.services.recovery.places import configured_places, fetch_file, list_files
from webapp.services.recovery.scratch import BackupError, scratch_place
from webapp.services.transactions import first_line, transaction

DRILL_DATABASE = "triagedesk_drill_"
LONGEST_SECONDS = 12 * 3600
_STALE = text(
    "SELECT datname FROM pg_database WHERE datname LIKE :like AND NOT EXISTS"
    " (SELECT 1 FROM pg_stat_activity a WHERE a.datname = pg_database.datname)"
)


@dataclass(frozen=True, slots=True)
class RestoreDrill:
    """How a drill went: how long the restore took, what it brought, or what was wrong with it."""

    success: bool
    file: str
    seconds: float
    rows: int | None = None
    taken_at: str | None = None
    last_number: int | None = None
    unreadable: Sequence[str] = ()
    problem: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return asdict(self)


def drill_restore(
    file: Path | None, options: Sequence[str], environment: Mapping[str, str]
) -> RestoreDrill:
    """Restore `file`, or the newest backup of the configured places, in a scratch place.

    `options` are those of `triagedesk restore` that say what opens it. What goes wrong with the
    restore is part of the result. Raises BackupError where a drill is not possible at all.
    """
    config = current_config()
    with scratch_place(config.data_dir) as folder:
        found, name = (file, file.name) if file is not None else _fetch_newest(config, folder)
        with _scratch_database(config, folder) as database:
            env = _environment(config, environment, folder, database)
            began = time.monotonic()
            answer = _run(["restore", str(found), *options, "--json"], env)
            seconds = time.monotonic() - began
    drill = _report(name, round(seconds, 1), answer)
    with transaction() as session:
        after = {"file": name, "success": drill.success, "seconds": drill.seconds}
        record_event(session, action="backup.drilled", subject_type="backup", after=after)
    return drill


def _fetch_newest(config: Config, folder: Path) -> tuple[Path, str]:
    settings = config.backups
    if not configured_places(settings):
        raise BackupError("No place for backups is configured: name the file of a backup.")
    files = list_files(settings)
    if not files:
        raise BackupError("There is no backup in the configured places yet.")
    fetch_file(settings, files[0].name, folder / files[0].name)
    return folder / files[0].name, files[0].name


def _environment(
    config: Config, environment: Mapping[str, str], folder: Path, database: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a new machine; what opens the backups of the schedule is known there."""
    env = {name: value for name, value in environment.items() if not name.startswith(PREFIX)}
    env |= {f"{PREFIX}DATA_DIR": str(folder / "desk"), **database}
    if config.backups.postgres_bin is not None:
        env[f"{PREFIX}PG_BIN"] = str(config.backups.postgres_bin)
    if config.backups.passphrase is not None:
        env[f"{PREFIX}BACKUP_PASSPHRASE"] = config.backups.passphrase
    return env


def _run(words: Sequence[str], env: Mapping[str, str]) -> str:
    """Run one of our commands as a process of its own; return what it printed."""
    package = Path(__file__).parents[3]
    done = subprocess.run(  # noqa: S603 - this interpreter, our own package
        [sys.executable, "-P", "-m", "webapp", *words],
        env={**env, "PYTHONPATH": os.pathsep.join([str(package), env.get("PYTHONPATH", "")])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return done.stdout or json.dumps({"success": False, "error": done.stderr.strip()[-1000:]})


def _report(name: str, seconds: float, answer: str) -> RestoreDrill:
    try:
        document = json.loads(answer)
    except ValueError:
        document = {"success": False, "error": f"The command answered {answer[:200]!r}."}
    if not document.get("success"):
        problem = str(document.get("error") or "The command gave no reason.")
        return RestoreDrill(False, name, seconds, problem=problem)
    unreadable = tuple(document["unreadable"])
    return RestoreDrill(
        success=not unreadable,
        file=name,
        seconds=seconds,
        rows=document["rows"],
        taken_at=document["taken_at"],
        last_number=document["last_number"],
        unreadable=unreadable,
        problem="The keys of the backup do not fit its database." if unreadable else None,
    )


@contextmanager
def _scratch_database(config: Config, folder: Path) -> Iterator[Mapping[str, str]]:
    """Yield the variables of an empty database; for SQLite it is a file in the scratch place."""
    if config.uses_sqlite:
        yield {}
        return
    name = f"{DRILL_DATABASE}{secrets.token_hex(4)}"
    engine = db.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        _drop_stale(engine)
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except SQLAlchemyError as error:
        raise BackupError(
            f"No scratch database can be created: {first_line(error)}. Give the database user the"
            " right to (ALTER ROLE … CREATEDB), or do the drill on another machine with"
            " `triagedesk restore`."
        ) from error
    try:
        url = make_url(config.database_url).set(database=name)
        yield {f"{PREFIX}DATABASE_URL": url.render_as_string(hide_password=False)}
    finally:
        with suppress(SQLAlchemyError), engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def _drop_stale(engine: Engine) -> None:
    """Drop what drills that were killed have left."""
    with engine.connect() as connection:
        for name in connection.scalars(_STALE, {"like": f"{DRILL_DATABASE}%"}).all():
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
