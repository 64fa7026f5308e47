"""Routing settings of a connection: ranges, completeness, pre-fill, and when a poll is due.

Worked examples: `tests/cases/settings.json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

Key = TypeVar("Key")

POLL_INTERVAL = (1, 60, 5)
"""Minutes: least, most, default."""

BACKFILL = (1, 30, 7)
"""Days: least, most, default."""


@dataclass(frozen=True, slots=True)
class RequiredSetting:
    """A setting that routing is incomplete without.

    `key` is its name for commands and JSON, `column` the connection's attribute, `label` the words
    of the form. `severity` is set where it is the priority of one.
    """

    key: str
    column: str
    label: str
    severity: str | None = None


REQUIRED = (
    RequiredSetting("board", "board_id", "Security board"),
    RequiredSetting("fallback_client", "fallback_client_id", "Fallback client"),
    RequiredSetting("fallback_board", "fallback_board_id", "Fallback (triage) board"),
    RequiredSetting(
        "priority.critical", "critical_priority_id", "Critical severity →", severity="critical"
    ),
    RequiredSetting("priority.high", "high_priority_id", "High severity →", severity="high"),
    RequiredSetting("priority.low", "low_priority_id", "Low severity →", severity="low"),
)
"""All that routing needs, in the order of the form. Whatever lists it derives it from here."""

PRIORITY_COLUMNS = {one.severity: one.column for one in REQUIRED if one.severity is not None}
"""The connection's attribute that holds the priority of a severity, by severity."""

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


def missing_settings(connection: object) -> tuple[RequiredSetting, ...]:
    """The required settings for which `connection` holds nothing; empty means complete."""
    return tuple(one for one in REQUIRED if getattr(connection, one.column) is None)


def missing_keys(connection: object) -> tuple[str, ...]:
    """What routing lacks, by key."""
    return tuple(one.key for one in missing_settings(connection))


def missing_labels(connection: object) -> tuple[str, ...]:
    """What routing lacks, in the words of the form."""
    return tuple(one.label for one in missing_settings(connection))


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
