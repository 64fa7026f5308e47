"""Room on the disk that a backup shares with those who write: it never takes the last of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from webapp.services.recovery.scratch import BackupError

LEAST_FREE = 256 * 1024 * 1024
"""So many bytes a backup leaves free: on a full disk nothing is polled any more."""


def require_room(folder: Path, size: int, *, spare: int = 0) -> None:
    """Raise BackupError, with what is missing, if the disk of `folder` has no room for `size` bytes
    and `spare` more.
    """
    free = shutil.disk_usage(folder).free
    if free < size + spare:
        raise BackupError(
            f"The disk of {folder} has {free:,} bytes free, and the backup needs {size:,}"
            f"{f' and leaves {spare:,} to others' if spare else ''}. Make room and run it again."
        )


def leaving_room(folder: Path, beat: Callable[[], object]) -> Callable[[], None]:
    """Return `beat` for what writes to `folder`: it raises BackupError before the disk is full."""

    def go_on() -> None:
        beat()
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE:
            raise BackupError(
                f"The disk of {folder} has only {free:,} bytes free; what is left is for those who"
                " write. Make room and run it again; nothing half is left."
            )

    return go_on
