"""The only clock: all of Triagedesk reads the time and waits through this module.

Times are aware datetimes in UTC. Tests replace both functions by a clock of their own.
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
