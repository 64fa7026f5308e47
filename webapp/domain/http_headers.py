"""Reading the headers of an HTTP answer that tell of times."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SHORTEST_RETRY_SECONDS = 1.0
_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)


def parse_http_date(value: str | None) -> datetime | None:
    """Return an HTTP date as aware datetime in UTC, or None where the text is not one."""
    try:
        parsed = parsedate_to_datetime(value or "")
        # Python returns no zone for "-0000"; HTTP dates are always in UTC.
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_retry_after(value: str | None, now: datetime, *, most: float) -> float | None:
    """Return the seconds that a `Retry-After` header asks for; None where it is not usable.

    The result is limited to 1 to `most`. `now` is the time of the answer, from which a date in the
    header is measured.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        date = parse_http_date(text)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return min(max(seconds, _SHORTEST_RETRY_SECONDS), most)
