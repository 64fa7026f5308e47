"""When a failed request is tried again, and after how long. Pure; the waiting is the budget's."""

from collections.abc import Callable
from dataclasses import dataclass

from webapp.huntress.answers import MAX_RETRY_AFTER_SECONDS
from webapp.huntress.errors import ErrorKind, HuntressError

MAX_TRIES = 3
MAX_RATE_LIMITED = 5
WINDOW_SECONDS = 60.0
"""Without a Retry-After: after this long the whole window of a rate limit has passed."""

_FIRST_BACKOFF_SECONDS = 2.0


@dataclass(slots=True)
class RetryPlan:
    """The tries of one request.

    A 429 is waited out at most five times: its Retry-After, else 60 s. Any other error that is
    retryable (5xx, time-outs, cut connections) ends the third try; between tries lie 2 s, then
    4 s, each times 0.5 to 1.5 (`jitter` gives 0 to 1), or the Retry-After if that is longer.
    """

    jitter: Callable[[], float]
    failures: int = 0
    rate_limited: int = 0

    def next_wait(self, error: HuntressError) -> float | None:
        """The seconds to wait before the next try, or None where `error` is final."""
        if error.kind is ErrorKind.RATE_LIMITED:
            self.rate_limited += 1
            wait = WINDOW_SECONDS if error.retry_after is None else error.retry_after
            return wait if self.rate_limited <= MAX_RATE_LIMITED else None
        if not error.is_retryable:
            return None
        self.failures += 1
        if self.failures >= MAX_TRIES:
            return None
        backoff = _FIRST_BACKOFF_SECONDS * (1 << self.failures - 1) * (0.5 + self.jitter())
        return min(max(backoff, error.retry_after or 0.0), MAX_RETRY_AFTER_SECONDS)


def wait_reason(error: HuntressError) -> str:
    """What a wait after `error` is called where waits are shown."""
    if error.kind is ErrorKind.RATE_LIMITED:
        return "Huntress asked to slow down"
    return "trying again after a failed call"
