"""Compressed tar archives (`tar -xzf` opens them) that are written and read piece by piece.

An archive is never in memory or on the disk as a whole, however large it is.
"""

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webapp.services.recovery.scratch import BackupError

PIECE = 1024 * 1024
BLOCK = tarfile.BLOCKSIZE
_GZIP = 16 + zlib.MAX_WBITS
_NO_ARCHIVE = "What is in the file is not an archive of a backup."


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file of an archive: its name, and its content or where that lies."""

    name: str
    content: bytes | Path

    @property
    def size(self) -> int:
        """Its bytes; raises OSError."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def pieces(self) -> Iterator[bytes]:
        """Yield the content; raises OSError."""
        if isinstance(self.content, bytes):
            yield self.content
            return
        with self.content.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


class PieceSource:
    """Makes pieces readable like a file; `beat` is called for each of them."""

    def __init__(self, pieces: Iterator[bytes], beat: Callable[[], object]) -> None:
        self._pieces = pieces
        self._beat = beat
        self._rest = memoryview(b"")

    def read(self, size: int = PIECE, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._beat()
            self._rest = memoryview(piece)
        found, self._rest = self._rest[:size], self._rest[size:]
        return bytes(found)


def write_archive(
    members: Iterable[ArchiveMember], *, modified_at: float, level: int
) -> Iterator[bytes]:
    """Yield the archive of `members`, compressed; `level` 0 stores what is compressed already.

    `modified_at` (seconds since 1970) is the time of all members. Raises OSError.
    """
    compressor = zlib.compressobj(level, wbits=_GZIP)
    for piece in _tar(members, modified_at):
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


def _tar(members: Iterable[ArchiveMember], modified_at: float) -> Iterator[bytes]:
    for member in members:
        entry = tarfile.TarInfo(member.name)
        entry.size, entry.mtime, entry.mode = member.size, int(modified_at), 0o600
        yield entry.tobuf(tarfile.GNU_FORMAT)  # sizes beyond 8 GB stay in the header
        written = 0
        for piece in member.pieces():
            written += len(piece)
            yield piece
        if written != entry.size:
            raise BackupError(f"{member.name} changed while it was read.")
        yield bytes(-written % BLOCK)
    yield bytes(2 * BLOCK)


class MemberTaker(Protocol):
    """Takes the members of an archive in their order."""

    def begin(self, name: str, size: int) -> None:
        """A member begins."""

    def take(self, data: bytes) -> None:
        """A piece of the member that has begun."""

    def end(self) -> None:
        """The member is complete."""


class ArchiveSink:
    """Takes a compressed archive piece by piece and hands its members on; raises BackupError."""

    def __init__(self, taker: MemberTaker, beat: Callable[[], object]) -> None:
        self._taker = taker
        self._beat = beat
        self._unpack = zlib.decompressobj(wbits=_GZIP)
        self._head = b""
        self._left = 0
        self._padding = 0
        self._has_ended = False

    def write(self, data: bytes, /) -> int:
        """Take a piece of the archive."""
        self._beat()
        packed = bytes(data)
        while packed:
            try:
                plain = self._unpack.decompress(packed, PIECE)
            except zlib.error as error:
                raise BackupError(_NO_ARCHIVE) from error
            packed = self._unpack.unconsumed_tail
            self._take(memoryview(plain))
            if not plain and not packed:
                break
        return len(data)

    def flush(self) -> None:
        """Nothing is held back; the library that decrypts asks for it."""

    def close(self) -> None:
        """Raise BackupError unless the archive has come to its end."""
        if not self._has_ended or self._left or not self._unpack.eof:
            raise BackupError("The archive in the file has no end.")

    def _take(self, plain: memoryview) -> None:
        while plain:
            if self._left:
                piece, plain = plain[: self._left], plain[self._left :]
                self._left -= len(piece)
                self._taker.take(bytes(piece))
                if not self._left:
                    self._taker.end()
            elif self._padding:
                skipped = min(self._padding, len(plain))
                self._padding -= skipped
                plain = plain[skipped:]
            else:
                missing = BLOCK - len(self._head)
                self._head += plain[:missing]
                plain = plain[missing:]
                if len(self._head) == BLOCK:
                    self._begin()

    def _begin(self) -> None:
        head, self._head = self._head, b""
        if not head.strip(b"\0"):
            self._has_ended = True
            return
        try:
            entry = tarfile.TarInfo.frombuf(head, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise BackupError(_NO_ARCHIVE) from error
        if self._has_ended or not entry.isreg():
            raise BackupError(_NO_ARCHIVE)
        self._left, self._padding = entry.size, -entry.size % BLOCK
        self._taker.begin(entry.name, entry.size)
        if not entry.size:
            self._taker.end()
