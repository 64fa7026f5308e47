"""Scratch places: folders in the data directory for what is being made or looked at.

A restore has its own beside the SQLite file, which may be elsewhere. Only this user can look into
one. Whoever works in it holds a lock on it, which ends with the process, however that ends: the
next one deletes what was left behind.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from sqlalchemy.engine import make_url

from webapp.config import Config
from webapp.services.errors import RefusedError

SCRATCH = "scratch"
NAME = re.compile(r"[0-9a-f]{16}")
"""What a scratch place is called: others may have a folder `scratch` beside their database."""

LOCK = "lock"
"""The file that tells a scratch place from a folder of somebody else that has such a name."""


class BackupError(RefusedError):
    """A backup cannot be made, checked or restored; the sentence says why."""


@contextmanager
def scratch_place(data_dir: Path) -> Iterator[Path]:
    """Yield an empty folder of one's own, and delete it afterwards; raises BackupError.

    What processes that ended left behind is deleted first. A data directory that does not exist is
    made for that time.
    """
    with describing_disk(data_dir):
        is_made = not data_dir.exists()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _one_at_a_time(data_dir):
            _delete_left_over(data_dir / SCRATCH)
            folder = data_dir / SCRATCH / secrets.token_hex(8)
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            flock(lock, LOCK_EX)
    try:
        yield folder
    finally:
        _delete(folder)
        os.close(lock)
        with suppress(OSError), _one_at_a_time(data_dir):
            (data_dir / SCRATCH).rmdir()  # fails while another one is at work
            if is_made:
                data_dir.rmdir()


def clean_scratch(config: Config) -> int:
    """Delete all scratch places whose process has ended; return how many they were.

    Raises OSError.
    """
    database = make_url(config.database_url).database if config.uses_sqlite else None
    beside = [Path(database).parent] if database else []
    return sum(clean_scratch_in(folder) for folder in {config.data_dir, *beside})


def clean_scratch_in(folder: Path) -> int:
    """Delete the scratch places below a folder whose process has ended; return how many they were.

    Raises OSError.
    """
    if not (folder / SCRATCH).is_dir():
        return 0
    with _one_at_a_time(folder):
        count = _delete_left_over(folder / SCRATCH)
        if count:
            with suppress(OSError):  # others are at work
                (folder / SCRATCH).rmdir()
    return count


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Let one process at a time make and delete scratch places."""
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_CLOEXEC)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _delete_left_over(scratch: Path) -> int:
    folders = list(scratch.iterdir()) if scratch.is_dir() else []
    left_over = [one for one in folders if _is_ours(one) and not _is_held(one)]
    for folder in left_over:
        _delete(folder)
    return len(left_over)


def _is_ours(folder: Path) -> bool:
    """Whether it is a scratch place: an empty one is whose process was killed at the lock."""
    if not NAME.fullmatch(folder.name) or not folder.is_dir():
        return False
    with suppress(FileNotFoundError):  # its process deletes it at this moment
        return (folder / LOCK).is_file() or not any(folder.iterdir())
    return False


def _delete(folder: Path) -> None:
    """Delete a scratch place, the lock last: without it nobody would know whose the rest is."""
    with suppress(OSError):
        for one in folder.iterdir():
            if one.is_dir() and not one.is_symlink():
                shutil.rmtree(one, ignore_errors=True)
            elif one.name != LOCK:
                one.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextmanager
def describing_disk(place: object) -> Iterator[None]:
    """Raise BackupError, with a sentence, where the disk of `place` fails inside the block."""
    try:
        yield
    except OSError as error:
        raise BackupError(disk_words(error, place)) from error


def disk_words(error: OSError, place: object) -> str:
    """Return what is wrong with `place`, as a sentence that says what to do."""
    if error.errno in (ENOSPC, EDQUOT):
        return f"The disk of {place} is full. Make room and run it again; nothing half is left."
    why = error.strerror or type(error).__name__
    return f"{place} cannot be used ({why}). Check that it is there and who may write to it."


def open_new(path: Path) -> int:
    """Create a file that only this user can read, and return its descriptor; raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def sync_folder(folder: Path) -> None:
    """Make sure that a rename in `folder` outlives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems cannot
    finally:
        os.close(descriptor)
