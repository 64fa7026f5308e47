"""Within what time a ticket is to be touched and closed, and when that time is over.

The clock for the first touch begins when the incident was sent, or when the ticket was made: where
polling began after the incident was sent, nobody could have known of it before. The clock for
closing begins then as well, or anew when the ticket is reopened, and stands still while the ticket
waits until a moment that a person chose.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.domain.triage.opening import OpenTimes, Span, due_after

MOST_TARGET_MINUTES = 60 * 24 * 60
"""Sixty days: the longest target."""

WARNS_BEFORE = timedelta(minutes=15)
"""So long before it is due, a ticket is due soon; less where the target itself is short."""

_SHARE_OF_TARGET = 4
_TARGET = re.compile(r"(?:(\d{1,5})\s*h)?\s*(?:(\d{1,6})\s*(?:m|min)?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTarget:
    """The targets of a priority in minutes, None where there is none."""

    touch_minutes: int | None = None
    close_minutes: int | None = None
    is_around_the_clock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What the clocks of a ticket go by; times are UTC.

    `untouched_since` is None while somebody has it in hand. `waits` are the times that it has
    waited, the end of the present one is None.
    """

    started_at: datetime
    reopened_at: datetime | None = None
    first_touched_at: datetime | None = None
    untouched_since: datetime | None = None
    closed_at: datetime | None = None
    waits: Sequence[tuple[datetime, datetime | None]] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether it waits now."""
        return any(end is None for _, end in self.waits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimes:
    """When a ticket is due (UTC).

    `due_at` is the next of the times that are still open, and `warns_at` when that is told.
    `close_due_at` is None while the ticket waits, because nobody knows how long.
    """

    touch_due_at: datetime | None = None
    close_due_at: datetime | None = None
    due_at: datetime | None = None
    warns_at: datetime | None = None


NOT_DUE = DueTimes()


def clock_start(
    reported_at: datetime, created_at: datetime, polling_started_at: datetime | None
) -> datetime:
    """Return when the clocks of a ticket begin (UTC).

    What was sent before polling began counts from when the ticket was made. `polling_started_at`
    of a ticket made by hand is None, and it counts from then as well.
    """
    is_backfilled = polling_started_at is None or reported_at < polling_started_at
    return created_at if is_backfilled else reported_at


def due_times(facts: ClockFacts, target: ClockTarget | None, opening: OpenTimes | None) -> DueTimes:
    """Return when a ticket is due; without a target it never is.

    Without opening hours, or where the target is around the clock, every hour counts. A ticket
    that came back from waiting is to be touched within the same time as a new one.
    """
    if target is None:
        return NOT_DUE
    hours = None if target.is_around_the_clock else opening
    touch_due_at = _due(facts.started_at, target.touch_minutes, hours)
    close_due_at = None
    if not facts.is_waiting:
        waits = [(begin, end) for begin, end in facts.waits if end is not None]
        begun = facts.reopened_at or facts.started_at
        close_due_at = _due(begun, target.close_minutes, hours, waits)
    next_touch = _next_touch(facts, target, touch_due_at, hours)
    due = [
        (at, minutes)
        for at, minutes in (
            (next_touch, target.touch_minutes),
            (close_due_at, target.close_minutes),
        )
        if at is not None and minutes is not None
    ]
    if facts.closed_at is not None or facts.is_waiting or not due:
        return DueTimes(touch_due_at=touch_due_at, close_due_at=close_due_at)
    due_at, minutes = min(due)
    return DueTimes(
        touch_due_at=touch_due_at,
        close_due_at=close_due_at,
        due_at=due_at,
        warns_at=due_at - warns_before(minutes),
    )


def warns_before(minutes: int) -> timedelta:
    """Return how long before the end of a target people are told that it comes."""
    return min(WARNS_BEFORE, timedelta(minutes=minutes) / _SHARE_OF_TARGET)


def parse_target(text: str) -> int | None:
    """Return a target typed as `30m`, `4h`, `1h 30m` or `90` in minutes; None for an empty text.

    Raises ValueError with a sentence.
    """
    typed = text.strip().lower()
    if not typed:
        return None
    found = _TARGET.fullmatch(typed)
    minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
    if not 0 < minutes <= MOST_TARGET_MINUTES:
        raise ValueError(
            f"{text.strip()[:20]!r} is no time to aim for; write it as 30m, 4h or 1h 30m,"
            f" at most {MOST_TARGET_MINUTES // 60:,}h."
        )
    return minutes


def target_text(minutes: int | None) -> str:
    """Return a target as it is typed."""
    hours, rest = divmod(minutes or 0, 60)
    return " ".join(f"{value}{unit}" for value, unit in ((hours, "h"), (rest, "m")) if value)


def _next_touch(
    facts: ClockFacts,
    target: ClockTarget,
    touch_due_at: datetime | None,
    hours: OpenTimes | None,
) -> datetime | None:
    """Return until when somebody has to look at the ticket, None where somebody has it in hand."""
    if facts.untouched_since is None:
        return None
    if facts.first_touched_at is None:
        return touch_due_at
    return _due(facts.untouched_since, target.touch_minutes, hours)


def _due(
    start: datetime, minutes: int | None, hours: OpenTimes | None, waits: Sequence[Span] = ()
) -> datetime | None:
    if minutes is None:
        return None
    return due_after(start, timedelta(minutes=minutes), hours, waits)
