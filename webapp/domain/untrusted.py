"""Reading values that somebody else wrote, so that the result is safe to use.

No function here raises for any JSON value.
"""

import re
from datetime import UTC, datetime

MAX_ID_LENGTH = 64
MAX_LINE_LENGTH = 1_000
MAX_TEXT_LENGTH = 100_000
MAX_DEPTH = 20

_HUGE = 10**MAX_ID_LENGTH
_FIRST_YEAR, _LAST_YEAR = 1970, 9998

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNWANTED = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_BIDI}\ufeff]")
_LINE_BREAKS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


def clean_text(value: object, limit: int = MAX_TEXT_LENGTH) -> str | None:
    """Return `value` as text of several lines, or None where it holds no text.

    NUL, control and bidirectional-override characters and lone surrogates are removed. Line ends
    become line feeds. Text of more than `limit` characters is cut and ends with an ellipsis.
    """
    text = _as_text(value)
    if text is None:
        return None
    text = text[: limit + 1_000]
    text = _UNWANTED.sub("", _LINE_BREAKS.sub("\n", text)).strip()
    return cut(text, limit) or None


def clean_line(value: object, limit: int = MAX_LINE_LENGTH) -> str | None:
    """Return `value` as one line, or None where it holds no text; see `clean_text`."""
    text = clean_text(value, limit * 4)
    return cut(" ".join(text.split()), limit) if text else None


def cut(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters with an ellipsis as the last one if it is longer."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def parse_id(value: object) -> str | None:
    """Return an id as text, or None where the value cannot be one; Huntress's ids are integers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and 0 <= value < _HUGE:
        return str(value)
    if isinstance(value, str):
        text = value.strip()
        if 0 < len(text) <= MAX_ID_LENGTH and re.fullmatch(r"[\w.-]+", text, re.ASCII):
            return text
    return None


def parse_time(value: object) -> datetime | None:
    """Return a time as aware datetime in UTC with whole seconds, or None if it is not a time.

    Times outside 1970 to 9998 count as missing. Other systems write the years 1 and 9999 for
    "never", and a database cannot hold them in every time zone. A time without a zone counts as
    UTC.
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 64 else None
    if match is None:
        return None
    *numbers, zone = match.groups()
    try:
        parsed = datetime(*(int(number) for number in numbers), tzinfo=UTC)  # type: ignore[misc, arg-type]
        if zone and zone != "Z":
            offset = datetime.strptime(zone.replace(":", ""), "%z").utcoffset()
            parsed = parsed - offset if offset else parsed
    except (ValueError, OverflowError):
        return None
    return parsed if _FIRST_YEAR <= parsed.year <= _LAST_YEAR else None


def parse_moment(value: object) -> datetime | None:
    """Return a time that `isoformat` wrote with a zone, in UTC with microseconds, or None.

    This is for times that we sent to somebody and that come back. Times outside 1970 to 9998 count
    as missing, because they cannot be shown in every time zone.
    """
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        moment = time.astimezone(UTC) if time is not None and time.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return moment if moment and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def parse_count(value: object) -> int | None:
    """Return a number of things from 0 to below 10^9, or None where the value is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def prune(value: object, depth: int = MAX_DEPTH) -> object:
    """Return `value` without parts nested deeper than `depth` and without absurdly long numbers.

    The result can always be written as JSON again.
    """
    if isinstance(value, dict):
        if depth == 0:
            return None
        return {str(key): prune(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list):
        return [prune(entry, depth - 1) for entry in value] if depth else None
    return None if _is_huge(value) else value


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return None
    if _is_huge(value):
        return None
    return str(value) if isinstance(value, int | float) else None


def _is_huge(value: object) -> bool:
    """Whether the number is too long; Python refuses to write numbers of thousands of digits."""
    return isinstance(value, int) and abs(value) >= _HUGE
