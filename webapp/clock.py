"""The only clock: all of Triagedesk reads the time and waits through this module.

Times are aware datetimes in UTC. Where several machines share a database server, the time is that
server's; otherwise it is this machine's and never goes back while the process runs. Tests replace
both functions by a clock of their own.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

SKEW_THAT_MATTERS = timedelta(seconds=30)
"""How far two clocks may differ before somebody is told."""

SKEW_HINT = "Set this machine's clock by NTP, and the database server's where there is one."

_MEASURED_EVERY = 60.0
_SLOWEST_ANSWER = 1.0
"""An answer that took longer (seconds) says too little about the time at which it was written."""

log = logging.getLogger(__name__)


def _system_now() -> datetime:
    return datetime.now(UTC)


def _system_elapsed() -> float:
    """Seconds that only ever grow, also while the machine sleeps where the system can tell."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SharedClock:
    """One process's clock; with `follow` it goes by the clock of a database server.

    `wall` is this machine's time, and `elapsed` counts its seconds without ever going back.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = _system_now,
        elapsed: Callable[[], float] = _system_elapsed,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._ask: Callable[[], datetime | None] | None = None
        self._anchor = wall(), elapsed()
        self._asked_at: float | None = None
        self._is_measured = False
        self._has_warned = False
        self._lock = threading.Lock()

    def follow(self, ask: Callable[[], datetime | None] | None) -> None:
        """From now on go by the time that `ask` returns; with None by this machine's.

        `ask` is called once a minute. While it returns None, the clock runs on from its last
        answer.
        """
        self._ask, self._asked_at, self._is_measured = ask, None, False
        self._anchor = self._wall(), self._elapsed()

    def now(self) -> datetime:
        """Return the time (UTC)."""
        if self._ask is not None:
            self._measure(self._ask)
        time_then, elapsed_then = self._anchor
        elapsed = self._elapsed()
        now = time_then + timedelta(seconds=elapsed - elapsed_then)
        if self._is_measured:
            return now
        wall = self._wall()
        if wall > now:  # put right, or set forward
            self._anchor = wall, elapsed
        return max(wall, now)

    def skew(self) -> timedelta:
        """Return how far this machine's clock is ahead of the time that is gone by."""
        now = self.now()
        return self._wall() - now if self._is_measured else timedelta(0)

    def _measure(self, ask: Callable[[], datetime | None]) -> None:
        if not self._is_old() or not self._lock.acquire(blocking=self._asked_at is None):
            return
        try:
            if not self._is_old():
                return
            before = self._elapsed()
            self._asked_at = before
            answer = ask()
            if answer is None:
                return
            after = self._elapsed()
            if after - before <= _SLOWEST_ANSWER or not self._is_measured:
                self._anchor = answer, (before + after) / 2
                self._is_measured = True
                self._warn(self._wall() - answer)
        finally:
            self._lock.release()

    def _is_old(self) -> bool:
        return self._asked_at is None or self._elapsed() - self._asked_at >= _MEASURED_EVERY

    def _warn(self, skew: timedelta) -> None:
        is_wrong = does_matter(skew)
        if is_wrong and not self._has_warned:
            log.warning(
                "This machine's clock is %s the database's. Triagedesk goes by the database's; "
                "set this one by NTP.",
                skew_words(skew),
            )
        self._has_warned = is_wrong


def does_matter(skew: timedelta) -> bool:
    """Whether somebody has to be told that two clocks differ by `skew`."""
    return abs(skew) > SKEW_THAT_MATTERS


def skew_words(skew: timedelta) -> str:
    """Return for instance "10 min ahead of" or "45 s behind"."""
    seconds = round(abs(skew).total_seconds())
    amount = f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
    return f"{amount} {'ahead of' if skew > timedelta(0) else 'behind'}"


shared = SharedClock()
_now: Callable[[], datetime] = shared.now
_sleep: Callable[[float], None] = time.sleep


def utcnow() -> datetime:
    """The current time, aware, in UTC."""
    return _now()


def machine_seconds() -> float:
    """This machine's own UNIX time, by which libraries measure; never the shared clock's."""
    return time.time()


def sleep(seconds: float) -> None:
    """Wait for `seconds`; a test may replace this."""
    _sleep(seconds)


@contextmanager
def replaced(now: Callable[[], datetime], sleep: Callable[[float], None]) -> Iterator[None]:
    """For tests: inside the block, `now` gives the time and `sleep` does the waiting."""
    global _now, _sleep
    before = _now, _sleep
    _now, _sleep = now, sleep
    try:
        yield
    finally:
        _now, _sleep = before
