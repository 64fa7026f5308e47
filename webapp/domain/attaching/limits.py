"""How large and how many files a ticket takes, and sentences for what is too much."""

from collections.abc import Sequence
from dataclasses import dataclass

MEGABYTE = 1024 * 1024
MOST_FILES = 1_000
"""So many files a ticket takes."""

FILES_AT_ONCE = 20
"""So many files are taken with one note."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The limits of this installation, in bytes."""

    file_bytes: int = 10 * MEGABYTE
    ticket_bytes: int = 100 * MEGABYTE


def find_too_large(name: str, size: int, limits: FileLimits) -> str | None:
    """Return a sentence if a file of this size is not taken; None if it is."""
    if size <= 0:
        return f"“{name}” is empty."
    if size > limits.file_bytes:
        return f"“{name}” is larger than {file_size(limits.file_bytes)}."
    return None


def find_too_many(
    sizes: Sequence[int], held_files: int, held_bytes: int, limits: FileLimits
) -> str | None:
    """Return a sentence if a ticket that holds so much does not take these files as well."""
    if len(sizes) > FILES_AT_ONCE:
        return f"At most {FILES_AT_ONCE} files can be added at once."
    if held_files + len(sizes) > MOST_FILES:
        return f"A ticket takes {MOST_FILES:,} files, and this one has {held_files:,}."
    if held_bytes + sum(sizes) > limits.ticket_bytes:
        return (
            f"A ticket takes {file_size(limits.ticket_bytes)} of files. This one has"
            f" {file_size(held_bytes)}, and these have {file_size(sum(sizes))}."
        )
    return None


def file_size(size: int) -> str:
    """Return a size in bytes as people read it: `3.2 MB`, `17 KB`, `1 byte`."""
    if size >= MEGABYTE:
        return f"{size / MEGABYTE:.1f}".removesuffix(".0") + " MB"
    if size >= 1024:
        return f"{size / 1024:.0f} KB"
    return "1 byte" if size == 1 else f"{size} bytes"
