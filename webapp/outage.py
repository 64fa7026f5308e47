"""Outages of what the product needs, each told once at its beginning and once at its end."""

import logging
import mmap
import struct
import time

logger = logging.getLogger(__name__)


class Outage:
    """Something that is away at times; all processes forked from one tell its outages together.

    The moment of the beginning stands in memory that a process shares with its children, so that
    a part with many processes still writes two lines.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = mmap.mmap(-1, struct.calcsize("d"))

    @property
    def is_on(self) -> bool:
        """Whether an outage has begun and not ended yet."""
        return self._begun_at() > 0

    def begin(self, why: str) -> None:
        """Log the first of several failures in a row; the others add nothing."""
        if self.is_on:
            return
        self._since[:] = struct.pack("d", time.monotonic())
        lines = why.splitlines() or ["no reason given"]
        logger.error("%s cannot be used, trying again: %s", self._what, lines[0])

    def end(self) -> None:
        """Log that it is back, and after how many seconds; nothing if it was never away."""
        begun_at = self._begun_at()
        if not begun_at:
            return
        self.forget()
        logger.warning("%s is back after %.0f s", self._what, time.monotonic() - begun_at)

    def forget(self) -> None:
        """Take it for never having been away, without a word."""
        self._since[:] = bytes(len(self._since))

    def _begun_at(self) -> float:
        return float(struct.unpack("d", self._since[:])[0])


DATABASE = Outage("The database")
REDIS = Outage("Redis")
