"""Outages of what the product needs, each told once at its beginning and once at its end."""

import logging
import mmap
import os
import struct
import time

logger = logging.getLogger(__name__)


class _Token:
    """A byte in a pipe: of all processes forked from one, and of their threads, one can take it."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        os.set_blocking(self._reads, False)

    def put(self) -> None:
        os.write(self._writes, b"!")

    def take(self) -> bool:
        try:
            return bool(os.read(self._reads, 1))
        except BlockingIOError:
            return False


class Outage:
    """Something that is away at times; all processes forked from one tell its outages together.

    The moment of the beginning stands in memory that a process shares with its children, so that
    a part with many processes still writes two lines. Whoever takes the token writes the line.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = mmap.mmap(-1, struct.calcsize("d"))
        self._well, self._away = _Token(), _Token()
        self._well.put()

    @property
    def is_on(self) -> bool:
        """Whether an outage has begun and not ended yet."""
        return self._begun_at() > 0

    def begin(self, why: str) -> None:
        """Log the first of several failures in a row; the others add nothing."""
        if self.is_on or not self._well.take():
            return
        self._since[:] = struct.pack("d", time.monotonic())
        self._away.put()
        lines = why.splitlines() or ["no reason given"]
        logger.error("%s cannot be used, trying again: %s", self._what, lines[0])

    def end(self) -> None:
        """Log that it is back, and after how many seconds; nothing if it was never away."""
        begun_at = self._begun_at()
        if begun_at and self.forget():
            logger.warning("%s is back after %.0f s", self._what, time.monotonic() - begun_at)

    def forget(self) -> bool:
        """Take it for never having been away, without a word; False if it is taken so already."""
        if not self._away.take():
            return False
        self._since[:] = bytes(len(self._since))
        self._well.put()
        return True

    def _begun_at(self) -> float:
        return float(struct.unpack("d", self._since[:])[0])


DATABASE = Outage("The database")
REDIS = Outage("Redis")
