"""The only clock: every part of Triagedesk asks here what time it is, and waits here.

Times are aware datetimes in UTC. Tests replace both functions with a clock of their own.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system_now() -> datetime:
    return datetime.now(UTC)


_now: Callable[[], datetime] = _system_now
_sleep: Callable[[float], None] = time.sleep


def utcnow() -> datetime:
    """The current time, aware, in UTC."""
    return _now()


def sleep(seconds: float) -> None:
    """Wait `seconds` (real ones, unless a test replaced the clock)."""
    _sleep(seconds)


@contextmanager
def replaced(now: Callable[[], datetime], sleep: Callable[[float], None]) -> Iterator[None]:
    """For tests: inside the block, time comes from `now` and waiting goes to `sleep`."""
    global _now, _sleep
    before = _now, _sleep
    _now, _sleep = now, sleep
    try:
        yield
    finally:
        _now, _sleep = before
