"""PostgreSQL's own programs: finding those that fit the server, and how they reach it.

A program can read an older server and an older dump, never a newer one. What it writes for its own
version may fail on an older server, so the oldest one that is new enough is taken.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url

from webapp.services.recovery.scratch import BackupError

POLL_SECONDS = 0.2
MOST_WORDS = 400
MOST_COMPLAINTS = 10_000
_KEPT_VARIABLES = ("PATH", "HOME", "PGPASSFILE", "PGSSLROOTCERT", "LD_LIBRARY_PATH")
_SYSTEM = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\) (\d+)")
_SECRETS = {"password", "sslpassword"}


@dataclass(frozen=True, slots=True)
class Program:
    """A program of PostgreSQL and its major version."""

    path: Path
    major: int


def find_program(name: str, folder: Path | None, least: int) -> Program:
    """Return the oldest `name` (`pg_dump`, `pg_restore`) of at least this major version.

    Only `folder` is looked through where it is given, and otherwise PATH and the places where
    Debian puts each version. Raises BackupError with what to install.
    """
    found = sorted(_programs(name, folder), key=lambda one: one.major)
    fitting = [one for one in found if one.major >= least]
    if fitting:
        return fitting[0]
    where = f"in {folder} (TRIAGEDESK_PG_BIN)" if folder else "on this machine"
    hint = (
        f"Install PostgreSQL's client programs of version {least} or later (Debian:"
        f" postgresql-client-{least}), or set TRIAGEDESK_PG_BIN to their folder."
    )
    if not found:
        raise BackupError(f"There is no {name} {where}. {hint}")
    raise BackupError(
        f"The newest {name} {where} is of version {found[-1].major}, and {least} is needed. {hint}"
    )


def _programs(name: str, folder: Path | None) -> Iterator[Program]:
    for path in dict.fromkeys(_places(name, folder)):
        if path.is_file() and os.access(path, os.X_OK):
            major = _major(path)
            if major is not None:
                yield Program(path, major)


def _places(name: str, folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder / name
        return
    for part in os.environ.get("PATH", "").split(os.pathsep):
        if part:
            yield Path(part) / name
    yield from _SYSTEM.glob(f"*/bin/{name}")


@cache
def _major(path: Path) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603 - a path that we found, no shell
            [path, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout)
    return int(found[1]) if found else None


def connection_words(database_url: str) -> tuple[list[str], dict[str, str]]:
    """Return how a program reaches the database: arguments, and variables with the password.

    A command line can be read by every user of the machine; the password is not in it.
    """
    url = make_url(database_url)
    wanted = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        **{name: value for name, value in url.query.items() if isinstance(value, str)},
    }
    psycopg = import_module("psycopg")  # not loaded where the database is SQLite
    known = {one.keyword.decode() for one in psycopg.pq.Conninfo.get_defaults()} - _SECRETS
    given = {name: str(value) for name, value in wanted.items() if name in known and value}
    variables = {"PGPASSWORD": str(wanted["password"])} if wanted.get("password") else {}
    return [f"--dbname={psycopg.conninfo.make_conninfo(**given)}"], variables


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A program that runs; what it complains of is in `complaints`."""

    process: "subprocess.Popen[bytes]"
    complaints: IO[bytes]

    @property
    def output(self) -> IO[bytes]:
        """What it writes, if that was asked for."""
        if self.process.stdout is None:  # pragma: no cover - a mistake in our code
            raise ValueError("the output was not asked for")
        return self.process.stdout

    def finish(self, beat: Callable[[], object], what: str) -> None:
        """Wait for its end, with `beat` every now and then.

        Raises BackupError, which begins with `what`, with the first words of its complaint if it
        failed.
        """
        while self.process.poll() is None:
            beat()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL_SECONDS)
        if self.process.returncode:
            self.complaints.seek(0)
            said = self.complaints.read(MOST_COMPLAINTS).decode(errors="replace").splitlines()
            told = next((line.strip() for line in said if line.strip()), "no reason was given")
            raise BackupError(f"{what}: {told[:MOST_WORDS]}")


@contextmanager
def running(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, *, has_output: bool = False
) -> Iterator[RunningProgram]:
    """Run a program beside the block, and end it with the block; raises BackupError.

    What it complains of goes to `folder`, a scratch place: it may quote rows of the database.
    """
    env = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    env |= {"LC_ALL": "C", **variables}
    output = subprocess.PIPE if has_output else subprocess.DEVNULL
    with tempfile.TemporaryFile(dir=folder) as complaints:
        try:
            process = subprocess.Popen(  # noqa: S603 - a program that we found, no shell
                list(command),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaints,
            )
        except OSError as error:
            raise BackupError(f"{command[0]} cannot be run ({error.strerror}).") from error
        try:
            yield RunningProgram(process, complaints)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
