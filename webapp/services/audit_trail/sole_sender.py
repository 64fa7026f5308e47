"""One process at a time sends the audit log and verifies it, so that its order is kept outside."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from sqlalchemy import func, select

from webapp.extensions import db

SENDING_LOCK = 7_042_017
"""The number among PostgreSQL's advisory locks."""

LOCK_FILE = "audit.lock"
"""Beside SQLite's file."""


@contextmanager
def trying_to_be_sole() -> Iterator[bool]:
    """Yield whether this process is the one inside the block; nobody waits.

    The lock ends with the block or with the process, whatever ends that. No transaction is open
    meanwhile. Raises a database's error.
    """
    if db.engine.dialect.name == "sqlite":
        with _holding_file(Path(db.engine.url.database or "").parent / LOCK_FILE) as is_sole:
            yield is_sole
        return
    connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield bool(connection.scalar(select(func.pg_try_advisory_lock(SENDING_LOCK))))
    finally:
        connection.invalidate()  # the lock ends with its session, also where that is broken
        connection.close()


@contextmanager
def _holding_file(path: Path) -> Iterator[bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True
