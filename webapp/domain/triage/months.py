"""Months of a time zone, each given as its first day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, tzinfo

FIRST_YEAR, LAST_YEAR = 1990, 9990
_MONTHS_OF_YEAR = 12


def month_of_day(day: date) -> date:
    """Return the month of a day."""
    return day.replace(day=1)


def shift_month(month: date, by: int) -> date:
    """Return the month so many months later, or earlier where `by` is negative."""
    number = month.year * _MONTHS_OF_YEAR + month.month - 1 + by
    return date(number // _MONTHS_OF_YEAR, number % _MONTHS_OF_YEAR + 1, 1)


def last_months(today: date, count: int) -> list[date]:
    """Return the last `count` months, oldest first; the last one is that of `today`."""
    this = month_of_day(today)
    return [shift_month(this, -back) for back in reversed(range(count))]


def month_bounds(months: Sequence[date], zone: tzinfo) -> list[datetime]:
    """Return when each of these months of `zone` begins, and when the last one ends (UTC)."""
    begins = [*months, shift_month(months[-1], 1)]
    return [datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in begins]


def parse_month(text: str | None) -> date | None:
    """Return the month written as `2026-11`, None for any other text."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    is_plain = text is not None and len(text) == len("2026-11")
    return month if is_plain and FIRST_YEAR <= month.year <= LAST_YEAR else None
