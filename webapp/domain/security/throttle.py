"""How long guessing has to wait: after a few failures, twice as long with each further one.

A try counts as failed from the moment it is let through, so that many at once are no way around.
What succeeds is taken back. Nobody is locked out: waits have a limit, and a browser in which the
owner has signed in before has a count of its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Counted(StrEnum):
    """Whose failures are counted together."""

    ACCOUNT = "account"
    ADDRESS = "address"
    DEVICE = "device"
    FACTOR = "factor"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class GuessLimit:
    """So many failures are free; the next waits `first_wait`, and no wait exceeds `longest_wait`.

    A count is forgotten when nothing was tried for `forgotten_after`.
    """

    free: int
    first_wait: timedelta
    longest_wait: timedelta
    forgotten_after: timedelta


_DAY, _HOUR, _QUARTER = timedelta(hours=24), timedelta(hours=1), timedelta(minutes=15)
LIMITS = {
    Counted.ACCOUNT: GuessLimit(5, timedelta(seconds=30), _QUARTER, _DAY),
    Counted.ADDRESS: GuessLimit(10, timedelta(seconds=15), timedelta(minutes=10), _HOUR),
    Counted.DEVICE: GuessLimit(10, timedelta(seconds=30), _QUARTER, _DAY),
    Counted.FACTOR: GuessLimit(5, timedelta(seconds=30), _QUARTER, _DAY),
    Counted.SESSION: GuessLimit(5, timedelta(seconds=30), _QUARTER, _HOUR),
}
"""An account and what belongs to it wait longer than an address, which whole offices share."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often something failed in a row, when it was tried last, when it may be tried again."""

    count: int
    last_at: datetime
    next_at: datetime


def wait_left(stored: Failures | None, now: datetime) -> timedelta:
    """How long the next try has to wait from `now`; zero if it may be made."""
    return max(stored.next_at - now, timedelta(0)) if stored else timedelta(0)


def next_failures(kind: Counted, stored: Failures | None, now: datetime) -> Failures:
    """The count once a try is let through at `now`, which counts as failed until it succeeds."""
    limit = LIMITS[kind]
    is_old = stored is None or now - stored.last_at > limit.forgotten_after
    count = 1 if stored is None or is_old else stored.count + 1
    return Failures(count, now, now + _wait_after(limit, count))


def taken_back(kind: Counted, stored: Failures, now: datetime) -> Failures | None:
    """The count once the try that was let through has succeeded; None to forget it.

    Who shows the right password proves nothing about an address that many share: only that one
    try is taken back.
    """
    if kind is not Counted.ADDRESS or stored.count <= 1:
        return None
    return replace(stored, count=stored.count - 1, next_at=now)


def begins_wait(kind: Counted, failures: Failures) -> bool:
    """Whether this failure is one to be noted in the log: the first that waits, then each tenth."""
    beyond = failures.count - LIMITS[kind].free
    return beyond >= 0 and beyond % 10 == 0


def _wait_after(limit: GuessLimit, count: int) -> timedelta:
    beyond = count - limit.free
    if beyond < 0:
        return timedelta(0)
    doublings: int = min(beyond, 20)  # more would only exceed what a timedelta holds
    return min(limit.first_wait * float(2**doublings), limit.longest_wait)
