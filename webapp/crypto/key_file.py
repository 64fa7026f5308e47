"""The file with the keys of encrypted columns: read, noticed when it changes, written in one step.

A key stands on a line of its own, the newest on the first one.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

Signature = tuple[int, int, int]

LOCK_NAME = "keys.lock"


def read_keys_in(path: Path) -> tuple[str, ...]:
    """The keys in a file, unchecked, as they stand there; raises OSError."""
    return tuple(re.split(r"[\s,]+", path.read_text(encoding="utf-8").strip()))


def signature_of(path: Path) -> Signature | None:
    """What changes whenever the file is replaced; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def write_key_file(path: Path, text: str) -> None:
    """Write a file (mode 0600) so that it is there wholly or not at all; raises OSError.

    It is on the disk when this returns: what is encrypted with a new key must not outlive it.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold the key file for one command; others wait. Raises OSError."""
    descriptor = os.open(path.with_name(LOCK_NAME), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)
