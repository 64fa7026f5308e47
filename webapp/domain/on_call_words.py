"""Handovers in words: reading `Mon 09:00`, and saying `every Monday at 09:00`."""

import re
from datetime import time

from webapp.domain.on_call import Every, Handover

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def parse_time_of_day(text: str | None) -> time | None:
    """Read a time of day such as `09:00` or `9:00`; None for another text."""
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", (text or "").strip(), re.ASCII)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return time(int(match[1]), int(match[2]))


def parse_handover(text: str) -> tuple[int | None, time] | None:
    """Read a weekday (0 is Monday) and a time such as `Mon 09:00`; None for another text.

    The weekday is None where the text is only a time. Three letters of a weekday are enough.
    """
    *day, clock_time = text.split() or [""]
    at = parse_time_of_day(clock_time)
    if at is None or len(day) > 1:
        return None
    if not day:
        return None, at
    wanted = day[0].lower()
    found = [n for n, name in enumerate(WEEKDAYS) if name.lower().startswith(wanted)]
    return (found[0], at) if len(found) == 1 and len(wanted) >= 3 else None


def handover_words(handover: Handover) -> str:
    """Return words such as `every Monday at 09:00` or `every day at 18:00`."""
    day = "day" if handover.every is Every.DAILY else WEEKDAYS[handover.weekday]
    return f"every {day} at {handover.at:%H:%M}"
