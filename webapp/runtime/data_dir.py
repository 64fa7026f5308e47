"""The data directory: creating it, checking its owner, and the keys in it."""

import os
import pwd
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from webapp.config import (
    ENCRYPTION_KEYS_FILE,
    SECRET_KEY_FILE,
    ConfigError,
    is_set,
    read_data_dir,
    read_database_url,
)
from webapp.crypto import generate_key, write_key_file

LOCK_FILE = "up.lock"
MIGRATE_LOCK_FILE = "migrate.lock"


def create_data_dir(path: Path) -> None:
    """Create `path` with mode 0700 unless it exists; raises ConfigError if it cannot be used."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data directory {path} cannot be created ({error.strerror}).",
            "Create it for this user, or set TRIAGEDESK_DATA_DIR to another place.",
        ) from error
    require_own(path)


def require_data_dir(path: Path) -> None:
    """Raise ConfigError unless `path` exists and belongs to this user."""
    if not path.is_dir():
        raise ConfigError(
            f"There is no data directory at {path}.",
            "Run this where `triagedesk up` or `triagedesk migrate` was run,"
            " or set TRIAGEDESK_DATA_DIR to that directory.",
        )
    require_own(path)


def require_own(path: Path) -> None:
    """Raise ConfigError, with the command to run, if another user owns `path`."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise ConfigError(
            f"The data directory {path} belongs to {_user_name(owner)}.",
            f"Run: sudo -u {_user_name(owner)} triagedesk {' '.join(sys.argv[1:])}".rstrip(),
        )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def create_keys(env: Mapping[str, str]) -> None:
    """Write the missing key files (mode 0600) if the database is a new SQLite file.

    Nothing is written for an existing database, because new keys would hide that the old ones are
    lost. Nothing is written for PostgreSQL either, because every machine needs the same keys.
    """
    data_dir = read_data_dir(env)
    if not _is_new_sqlite(read_database_url(env, data_dir)):
        return
    if not is_set(env, "SECRET_KEY"):
        _write_new(data_dir / SECRET_KEY_FILE, secrets.token_urlsafe(48))
    if not is_set(env, "ENCRYPTION_KEYS"):
        _write_new(data_dir / ENCRYPTION_KEYS_FILE, generate_key())


def _is_new_sqlite(database_url: str) -> bool:
    if not database_url.startswith("sqlite:///"):
        return False
    path = Path(database_url.removeprefix("sqlite:///"))
    return not path.exists() or path.stat().st_size == 0


def _write_new(path: Path, text: str) -> None:
    """Write `text` to `path` in one step, unless the file exists."""
    if not path.exists():
        with _writing_to(path.parent):
            write_key_file(path, text + "\n")


@contextmanager
def _writing_to(data_dir: Path) -> Iterator[None]:
    """Raise ConfigError if writing fails inside the block."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"The data directory {data_dir} cannot be written to ({error.strerror}).",
            "Check its permissions, and that the disk is neither full nor mounted read-only.",
        ) from error


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for one `triagedesk up`; raises ConfigError if another holds it."""
    with _writing_to(data_dir):
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"Another `triagedesk up` is using {data_dir}.",
                "Stop that one first, or set TRIAGEDESK_DATA_DIR to another directory.",
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """Hold a directory for one `triagedesk migrate`; others wait. Raises ConfigError."""
    with _writing_to(data_dir):
        descriptor = os.open(data_dir / MIGRATE_LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)
