"""Calculating figures: days of a time zone, durations in words, comparing two durations."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_NOTEWORTHY = 0.05
"""A change below this share is called "about the same"."""


class Trend(StrEnum):
    """How a duration compares with an earlier one."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"


def last_days(now: datetime, zone: tzinfo, count: int) -> list[date]:
    """Return the last `count` days of `zone`, oldest first; the last one is the day of `now`."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=back) for back in reversed(range(count))]


def day_bounds(days: list[date], zone: tzinfo) -> list[datetime]:
    """Return when each of these days of `zone` begins, and when the last one ends (UTC).

    The result has one entry more than `days`. A day with a change of summer time is 23 or 25 hours
    long.
    """
    ends = [*days, days[-1] + timedelta(days=1)]
    return [datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in ends]


def duration_words(seconds: float) -> str:
    """Return a duration in words: `45 s`, `42 min`, `3 h 5 min`, `2 d 4 h`.

    Durations from an hour on have two units, unless the second one is zero.
    """
    left = max(round(seconds), 0)
    for position, (size, name) in enumerate(_UNITS):
        if left >= size:
            words = f"{left // size} {name}"
            if size <= 60:
                return words
            smaller, smaller_name = _UNITS[position + 1]
            rest = left % size // smaller
            return f"{words} {rest} {smaller_name}" if rest else words
    return "0 s"


def compare_durations(current: float, previous: float) -> tuple[Trend, str]:
    """Return how `current` compares with `previous`, also in words such as `25% faster`."""
    if previous <= 0:
        is_same = current <= 0
        return (Trend.SAME, "the same") if is_same else (Trend.SLOWER, "slower")
    change = (current - previous) / previous
    if abs(change) < _NOTEWORTHY:
        return Trend.SAME, "about the same"
    if change < 0:
        return Trend.FASTER, f"{-change:.0%} faster"
    if change >= 1:
        times = current / previous
        return Trend.SLOWER, f"{times:,.{0 if times >= 10 else 1}f} times as long"
    return Trend.SLOWER, f"{change:.0%} slower"


def size_words(count: float) -> str:
    """Return a number of bytes in words, such as `12 KB` or `3.4 GB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit in ("bytes", "KB") else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
