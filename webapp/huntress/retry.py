"""Deciding whether and when a failed request is tried again; the budget does the waiting."""

from collections.abc import Callable
from dataclasses import dataclass

from webapp.huntress.errors import ErrorKind, HuntressError

MAX_TRIES = 3
MAX_RETRY_AFTER_SECONDS = 120.0
MAX_RATE_LIMITED = 5
WINDOW_SECONDS = 60.0
"""The wait after a 429 without a Retry-After; the whole call window has then passed."""

_FIRST_BACKOFF_SECONDS = 2.0


@dataclass(slots=True)
class RetryPlan:
    """The tries of one request.

    After a 429 the request is tried again up to five times, each after its Retry-After, or after 60
    s without one. After another retryable error (5xx, time-outs, cut connections) it is tried up to
    three times in all. The waits are 2 s and then 4 s, each times a random 0.5 to 1.5 (`jitter`
    returns 0 to 1), or the Retry-After if that is longer.
    """

    jitter: Callable[[], float]
    failures: int = 0
    rate_limited: int = 0

    def next_wait(self, error: HuntressError) -> float | None:
        """Return the seconds to wait before the next try, or None where `error` is final."""
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
    """Return the reason to show for a wait after `error`."""
    if error.kind is ErrorKind.RATE_LIMITED:
        return "Huntress asked to slow down"
    return "trying again after a failed call"
