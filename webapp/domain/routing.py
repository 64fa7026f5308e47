"""The rules for a connection's routing settings and for when a poll is due.

`tests/cases/settings.json` has worked examples.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

Key = TypeVar("Key")

POLL_INTERVAL = (1, 60, 5)
"""The least, the most and the default number of minutes."""

BACKFILL = (1, 30, 7)
"""The least, the most and the default number of days."""


TICK_SECONDS = 10
"""How often it is looked whose poll is due."""

DUE_EARLY = timedelta(seconds=TICK_SECONDS / 2)
"""How much too early a tick may poll: the next one would come later than this is early.

Without it a poll that began a second after its tick would miss the tick an interval later, and
come every interval and one tick.
"""


@dataclass(frozen=True, slots=True)
class RequiredSetting:
    """A setting without which routing is incomplete.

    `key` is its name for commands and JSON, `column` is the connection's attribute, and `label` is
    its label in the form. `severity` is set where the setting is the priority of a severity.
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
"""All required settings, in the order of the form; every list of them comes from here."""

PRIORITY_COLUMNS = {one.severity: one.column for one in REQUIRED if one.severity is not None}
"""The connection's attribute that holds the priority of a severity, by severity."""

_PRIORITY_NAMES = {
    "critical": ("critical", "urgent"),
    "high": ("high",),
    "low": ("medium", "low"),
}


def clamp_poll_interval(value: object) -> int:
    """Return the minutes between polls, limited to 1 to 60; 5 where `value` is not a number."""
    return _clamp(value, *POLL_INTERVAL)


def clamp_backfill_days(value: object) -> int:
    """Return the days that the first poll looks back, limited to 1 to 30; 7 if not a number."""
    return _clamp(value, *BACKFILL)


def missing_settings(connection: object) -> tuple[RequiredSetting, ...]:
    """Return the required settings that `connection` lacks; empty where routing is complete."""
    return tuple(one for one in REQUIRED if getattr(connection, one.column) is None)


def missing_keys(connection: object) -> tuple[str, ...]:
    """Return the keys of the required settings that `connection` lacks."""
    return tuple(one.key for one in missing_settings(connection))


def missing_labels(connection: object) -> tuple[str, ...]:
    """Return the form's labels of the required settings that `connection` lacks."""
    return tuple(one.label for one in missing_settings(connection))


def prefill_priorities(priorities: Iterable[tuple[Key, str]]) -> dict[str, Key]:
    """Guess the priority of each severity from `(key, name)` pairs.

    A severity without a priority of a known name is left out.
    """
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
    """Return when the next poll is due (UTC): the interval after the last one *started*.

    It is due at once where no poll was started. It is also due at once where the last start lies
    further in the future than the interval, because a wrong clock must have written it.
    """
    interval = timedelta(minutes=interval_minutes)
    if last_started is None or last_started > now + interval:
        return now
    return last_started + interval


def is_poll_due(last_started: datetime | None, interval_minutes: int, *, now: datetime) -> bool:
    """Whether a poll is due at `now`."""
    return next_poll_at(last_started, interval_minutes, now=now) <= now


def retry_delay(attempts: int) -> timedelta:
    """Return how long a failed incident waits for its next try.

    It is 5 minutes after the first attempt and doubles with each further one, up to 6 hours.
    """
    doublings = min(max(attempts - 1, 0), 20)
    return min(timedelta(minutes=5 * (1 << doublings)), timedelta(hours=6))


def _clamp(value: object, least: int, most: int, default: int) -> int:
    try:
        number: int = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return default
    return min(max(number, least), most)
