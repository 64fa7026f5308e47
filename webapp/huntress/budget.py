"""The call window of a Huntress account: which call may be made now, and waiting for a place.

Huntress answers an account's 61st request within any 60 seconds with 429, even if different
processes sent the requests. A `CallLedger` keeps one account's calls for all processes. A
`CallBudget` is one client's view of it.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from webapp.domain.detail_fetch import reserve_of

SLICE_SECONDS = 5.0
"""The longest uninterrupted sleep by default; between slices the caller can renew its lease."""

WINDOW_REASON = "waiting for the API call window"

_SHORTEST_WAIT = 0.05
"""The shortest wait in seconds, so that a ledger's "wait 0 s" does not cause a tight loop."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The call may be made now; `reservation_id` must be finished even if the call fails."""

    reservation_id: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The window is full; ask again in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AccountCalls:
    """What an answer said of the window of all the account's tools, not only this one."""

    limit: int
    remaining: int

    @property
    def spare(self) -> int:
        """How many calls details may take: what remains above the usual reserve."""
        return max(0, self.remaining - reserve_of(self.limit))


class CallLedger(Protocol):
    """The calls of one account. All times are aware datetimes in UTC."""

    def reserve(self, method: str, path: str, now: datetime) -> Granted | Wait:
        """Take a place in the window, atomically over all processes, or return how long to wait."""
        ...

    def finish(
        self,
        reservation_id: int,
        now: datetime,
        *,
        status: int | None,
        milliseconds: int,
        rows: int | None,
        account: AccountCalls | None = None,
    ) -> None:
        """Record how a call ended; `status` is None where no answer came.

        `account` is what the answer said of the whole account, None where it said nothing.
        """
        ...

    def free_calls(self, now: datetime) -> int:
        """Return how many calls could be made now without waiting; never negative.

        Where other tools have used up the account's calls, these are fewer.
        """
        ...


class CallBudget:
    """One client's use of a ledger: takes places, waits for them, and counts calls and waits.

    `clock` returns aware UTC times, and `sleep` takes seconds. `on_wait(seconds_left, reason)` is
    called before each slice of a wait (at most `slice_seconds` each), so that the caller can renew
    its lease and show the wait. An exception from `on_wait` ends the wait and reaches the caller.
    `account` is what the last answer said of the account's calls.
    """

    def __init__(
        self,
        ledger: CallLedger,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        on_wait: Callable[[float, str], None] | None = None,
        slice_seconds: float = SLICE_SECONDS,
    ) -> None:
        self.calls = 0
        self.waited_seconds = 0.0
        self.account: AccountCalls | None = None
        self.clock = clock
        self._ledger = ledger
        self._sleep = sleep
        self._on_wait = on_wait
        self._slice_seconds = slice_seconds

    def acquire(self, method: str, path: str) -> int:
        """Wait until a call may be made and return its reservation, which `finish` takes."""
        while True:
            answer = self._ledger.reserve(method, path, self.clock())
            if isinstance(answer, Granted):
                self.calls += 1
                return answer.reservation_id
            self.wait(max(answer.seconds, _SHORTEST_WAIT), WINDOW_REASON)

    def finish(
        self,
        reservation_id: int,
        *,
        status: int | None,
        milliseconds: int,
        rows: int | None,
        account: AccountCalls | None = None,
    ) -> None:
        """Record how the call of a reservation ended; see `CallLedger.finish`."""
        self.account = account
        self._ledger.finish(
            reservation_id,
            self.clock(),
            status=status,
            milliseconds=milliseconds,
            rows=rows,
            account=account,
        )

    def wait(self, seconds: float, reason: str) -> None:
        """Wait `seconds` in slices, and call `on_wait` with the time left before each slice."""
        left = seconds if math.isfinite(seconds) else self._slice_seconds
        while left > 0:
            if self._on_wait is not None:
                self._on_wait(left, reason)
            slice_seconds = min(left, self._slice_seconds)
            self._sleep(slice_seconds)
            self.waited_seconds += slice_seconds
            left -= slice_seconds

    def free_calls(self) -> int:
        """Return how many calls could be made now without waiting."""
        return self._ledger.free_calls(self.clock())


@dataclass(slots=True)
class _Call:
    reserved_at: datetime
    finished_at: datetime | None = None


class MemoryLedger:
    """A ledger in memory for one process; the reference for shared ledgers. Thread-safe.

    At most `limit` calls arrive at Huntress in any `window` seconds. A call arrives at some time
    between its reservation and its end, so its place is taken until `window` seconds after it
    *finished*. The place of a call that is never finished becomes free `abandoned_after` plus
    `window` seconds after its reservation. What answers say of the account is not kept.
    """

    def __init__(self, limit: int, window: float = 60.0, abandoned_after: float = 300.0) -> None:
        self.limit = max(1, limit)
        self.window = timedelta(seconds=window)
        self.abandoned_after = timedelta(seconds=abandoned_after)
        self._calls: dict[int, _Call] = {}
        self._last_id = 0
        self._lock = threading.Lock()

    def reserve(self, method: str, path: str, now: datetime) -> Granted | Wait:
        """See `CallLedger.reserve`."""
        with self._lock:
            releases = self._releases(now)
            if len(releases) >= self.limit:
                release = releases[len(releases) - self.limit]
                return Wait(min(release - now, self.window).total_seconds())
            self._last_id += 1
            self._calls[self._last_id] = _Call(now)
            return Granted(self._last_id)

    def finish(
        self,
        reservation_id: int,
        now: datetime,
        *,
        status: int | None,
        milliseconds: int,
        rows: int | None,
        account: AccountCalls | None = None,
    ) -> None:
        """See `CallLedger.finish`; an unknown reservation is ignored."""
        with self._lock:
            call = self._calls.get(reservation_id)
            if call is not None:
                call.finished_at = now

    def free_calls(self, now: datetime) -> int:
        """See `CallLedger.free_calls`."""
        with self._lock:
            return max(0, self.limit - len(self._releases(now)))

    def _releases(self, now: datetime) -> list[datetime]:
        """Return when each taken place becomes free at the earliest, soonest first."""
        releases = {key: self._release(call, now) for key, call in self._calls.items()}
        self._calls = {key: call for key, call in self._calls.items() if releases[key] > now}
        return sorted(release for release in releases.values() if release > now)

    def _release(self, call: _Call, now: datetime) -> datetime:
        if call.finished_at is not None:
            return call.finished_at + self.window
        abandoned = call.reserved_at + self.abandoned_after
        return min(now, abandoned) + self.window
