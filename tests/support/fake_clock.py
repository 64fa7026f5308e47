"""A clock for tests: it stands still, and waiting moves it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 6, 9, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """`now()` and `sleep()` to put in the place of the system's; safe to use from threads."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._lock = threading.Lock()
        self.slept = 0.0

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        self.slept += seconds

    def advance(self, **step: float) -> datetime:
        """Move on by `timedelta(**step)` and return the new time."""
        with self._lock:
            self._now += timedelta(**step)
            return self._now


def scaled_now(start: float, factor: float) -> Callable[[], datetime]:
    """A clock that shows `start` at `start` and runs `factor` times as fast from then on."""
    return lambda: datetime.fromtimestamp(start + factor * (time.time() - start), UTC)
