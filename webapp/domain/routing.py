"""Routing settings of a connection: ranges, completeness, pre-fill, and when a poll is due.

Worked examples: `tests/cases/settings.json`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

Key = TypeVar("Key")

POLL_INTERVAL = (1, 60, 5)
"""Minutes: least, most, default."""

BACKFILL = (1, 30, 7)
"""Days: least, most, default."""

REQUIRED_FIELDS = {
    "board": "Security board",
    "fallback_client": "Fallback client",
    "fallback_board": "Fallback (triage) board",
    "priority.critical": "Critical severity →",
    "priority.high": "High severity →",
    "priority.low": "Low severity →",
}
"""What routing is incomplete without, with the words the page has for it."""

_PRIORITY_NAMES = {
    "critical": ("critical", "urgent"),
    "high": ("high",),
    "low": ("medium", "low"),
}


def clamp_poll_interval(value: object) -> int:
    """Minutes between polls, 1 to 60; 5 where `value` is no number."""
    return _clamp(value, *POLL_INTERVAL)


def clamp_backfill_days(value: object) -> int:
    """Days the first poll looks back, 1 to 30; 7 where `value` is no number."""
    return _clamp(value, *BACKFILL)


def missing_fields(chosen: Mapping[str, object]) -> tuple[str, ...]:
    """The keys of REQUIRED_FIELDS for which `chosen` holds nothing; empty means complete."""
    return tuple(field for field in REQUIRED_FIELDS if chosen.get(field) is None)


def prefill_priorities(priorities: Iterable[tuple[Key, str]]) -> dict[str, Key]:
    """Guess the priority of each severity from `(key, name)` pairs; unsure ones are left out."""
    by_name: dict[str, Key] = {}
    for key, name in priorities:
        by_name.setdefault(name.strip().lower(), key)
    return {
        severity: by_name[match]
        for severity, names in _PRIORITY_NAMES.items()
        if (match := next((name for name in names if name in by_name), None)) is not None
    }


def next_poll_at(
    last_started: datetime | None, interval_minutes: int, *, now: datetime
) -> datetime:
    """When the next poll is due: `interval` after the last one *started*, at once without one.

    A start that lies further ahead than the interval comes from a clock that was wrong: due.
    """
    interval = timedelta(minutes=interval_minutes)
    if last_started is None or last_started > now + interval:
        return now
    return last_started + interval


def is_poll_due(last_started: datetime | None, interval_minutes: int, *, now: datetime) -> bool:
    """Whether a poll is due at `now`."""
    return next_poll_at(last_started, interval_minutes, now=now) <= now


def retry_delay(attempts: int) -> timedelta:
    """How long a failed incident waits for its next try: 5 minutes, doubling, up to 6 hours."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(timedelta(minutes=5 * (1 << doublings)), timedelta(hours=6))


def _clamp(value: object, least: int, most: int, default: int) -> int:
    try:
        number: int = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return default
    return min(max(number, least), most)
