"""Passwords known from breaches: looked up in a file on this machine, by binary search.

The file is that of Have I Been Pwned's downloader: a line `SHA1:COUNT` for each password, with 40
hexadecimal digits, ordered by them. It is never loaded: a look-up reads some dozen lines, however
large the file is.
"""

import logging
import os
import re
from hashlib import sha1
from typing import BinaryIO

from webapp.extensions import current_config

LINE = re.compile(rb"([0-9A-Fa-f]{40}):[0-9]+\r?\n?")
LONGEST_LINE = 100
PROBES = 32
"""So many places of the file are looked at to see whether it is ordered."""

HINT = (
    "TRIAGEDESK_BREACHED_PASSWORDS names the ordered SHA-1 file of Have I Been Pwned's downloader; "
    "docs/configuration.md says how it is made. Without it everything works, but new passwords are "
    "not compared with breaches."
)

logger = logging.getLogger(__name__)


def is_breached(password: str) -> bool:
    """Whether the configured file has this password; False without one.

    A file that is missing or in another form is logged and counts as one without the password, so
    that it never keeps anybody out.
    """
    path = current_config().security.breached_passwords
    if path is None:
        return False
    digest = sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    try:
        with open(path, "rb") as file:
            return _find(file, digest.upper().encode())
    except (OSError, ValueError) as error:
        logger.warning("Passwords are not compared with breaches: %s", _describe(path, error))
        return False


def find_breach_file_fault(path: str) -> str | None:
    """What is wrong with the file, as a sentence; None if it can be searched.

    Looks at the first line, the last one and some between them.
    """
    try:
        with open(path, "rb") as file:
            _look_over(file)
    except (OSError, ValueError) as error:
        return _describe(path, error)
    return None


def warn_of_breach_file() -> None:
    """Log a warning if a file is configured that cannot be searched; everything starts anyway."""
    path = current_config().security.breached_passwords
    fault = find_breach_file_fault(path) if path else None
    if fault:
        logger.warning("%s %s", fault, HINT)


def _describe(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path} cannot be read ({error.strerror})."
    return f"{path} cannot be searched: {error}"


def _find(file: BinaryIO, wanted: bytes) -> bool:
    """Narrow down the place where the line begins: `low` and `high` are offsets of bytes."""
    low, high = 0, _size(file)
    while low < high:
        middle = (low + high) // 2
        begins, digest = _line_from(file, middle)
        if digest is None or digest > wanted:
            high = middle
        elif digest == wanted:
            return True
        else:
            low = begins + 1
    return False


def _look_over(file: BinaryIO) -> None:
    """Raise ValueError unless lines at places all over the file are in form and in order."""
    size = _size(file)
    if not size:
        raise ValueError("it is empty.")
    last = b""
    for step in range(PROBES + 1):
        _, digest = _line_from(file, max(0, size - LONGEST_LINE) * step // PROBES)
        if digest is None:
            continue
        if digest < last:
            raise ValueError("its lines are not ordered by their hashes.")
        last = digest


def _line_from(file: BinaryIO, offset: int) -> tuple[int, bytes | None]:
    """Where the first line begins that begins at `offset` or later, and its hash in upper case.

    The hash is None behind the last line. Raises ValueError for a line in another form.
    """
    file.seek(max(0, offset - 1))
    if offset and not file.readline(LONGEST_LINE).endswith(b"\n"):
        return _end_of(file)
    begins = file.tell()
    line = file.readline(LONGEST_LINE)
    if not line:
        return begins, None
    found = LINE.fullmatch(line)
    if found is None:
        raise ValueError("a line is not of the form SHA1:COUNT, with 40 hexadecimal digits.")
    return begins, found[1].upper()


def _end_of(file: BinaryIO) -> tuple[int, None]:
    """Take a line without an end for the last one, or refuse it as too long."""
    if file.read(1):
        raise ValueError("a line is longer than a hash and a count.")
    return file.tell(), None


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
