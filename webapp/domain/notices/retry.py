"""When a message that was not delivered is tried again."""

from datetime import datetime, timedelta

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""The waits after the first attempts; the last one is repeated."""

GIVE_UP_AFTER = timedelta(days=2)
LONGEST_ASKED_WAIT = timedelta(hours=2)
"""A receiver that asks for more (`Retry-After`) is tried again after this time all the same."""


def delay_after(attempts: int, retry_after: float | None = None) -> timedelta:
    """Return how long to wait after the attempt number `attempts` (the first is 1).

    `retry_after` is the number of seconds that the receiver asked for.
    """
    delay = DELAYS[min(max(attempts, 1), len(DELAYS)) - 1]
    if retry_after is None or not retry_after > 0:
        return delay
    return max(delay, min(timedelta(seconds=min(retry_after, 1e6)), LONGEST_ASKED_WAIT))


def next_try_at(
    attempts: int, *, due_at: datetime, now: datetime, retry_after: float | None = None
) -> datetime | None:
    """Return when to try again (UTC), None where two days have gone by since it was due."""
    following = now + delay_after(attempts, retry_after)
    return None if following - due_at > GIVE_UP_AFTER else following
