"""When a pause of polling ends, and how its end is chosen."""

import re
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

MORNING = time(8)
LONGEST_PAUSE = timedelta(days=366)

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class PauseEnd(StrEnum):
    """The ends of a pause that a form offers."""

    HOUR = "hour"
    TOMORROW = "tomorrow"
    RESUMED = "resumed"


def pause_until(end: PauseEnd, now: datetime, zone: tzinfo) -> datetime | None:
    """Return when a pause that begins at `now` (UTC) ends, None where a person has to end it.

    Tomorrow is the next day's morning in `zone`.
    """
    if end is PauseEnd.HOUR:
        return now + timedelta(hours=1)
    if end is PauseEnd.TOMORROW:
        day = now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(day, MORNING, zone).astimezone(now.tzinfo)
    return None


def parse_span(text: str) -> timedelta | None:
    """Read a span such as `90m`, `1h` or `2d`; None for another text, nothing or over a year."""
    match = re.fullmatch(r"(\d{1,6})([mhd])", text.strip().lower(), re.ASCII)
    span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    return span if timedelta() < span <= LONGEST_PAUSE else None


def is_paused(paused_at: datetime | None, paused_until: datetime | None, now: datetime) -> bool:
    """Whether polling is paused at `now`; a pause that has come to its end is none."""
    return paused_at is not None and (paused_until is None or paused_until > now)
