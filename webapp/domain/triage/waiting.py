"""Until when a ticket waits, and how that moment is chosen."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

RETURNS_AT = time(9)
LONGEST_WAIT_OF_TICKET = timedelta(days=366)
THREE_DAYS = 3


class WaitChoice(StrEnum):
    """The moments that a form offers; DATE is a day and time of one's own."""

    TOMORROW = "tomorrow"
    DAYS = "days"
    DATE = "date"


class WaitError(ValueError):
    """A moment until which no ticket can wait; the text says why."""


def wait_until(choice: WaitChoice, typed: str, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment (UTC) that was chosen at `now`; a day begins for the ticket at 9:00.

    `typed` is a date, or date and time, of `zone`, as `2026-12-24T14:30`. Raises WaitError.
    """
    today = now.astimezone(zone).date()
    if choice is WaitChoice.DATE:
        until = _read_moment(typed, zone)
    else:
        ahead = 1 if choice is WaitChoice.TOMORROW else THREE_DAYS
        day = today + timedelta(days=ahead)
        until = datetime.combine(day, RETURNS_AT, zone).astimezone(UTC)
    check_wait(until, now)
    return until


def check_wait(until: datetime, now: datetime) -> None:
    """Raise WaitError for a moment that is over, or that lies more than a year ahead."""
    if until <= now:
        raise WaitError("That moment is over; choose a later one.")
    if until - now > LONGEST_WAIT_OF_TICKET:
        raise WaitError("A ticket can wait for a year, not longer.")


def _read_moment(typed: str, zone: tzinfo) -> datetime:
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise WaitError("Enter the day and time, such as 2026-12-24 14:30.") from None
    if len(typed.strip()) == len("2026-12-24"):
        found = datetime.combine(found.date(), RETURNS_AT)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise WaitError("A ticket can wait for a year, not longer.") from None
