"""Reading values that somebody else wrote: whatever comes in, something usable comes out.

Nothing here raises, whatever JSON value it is given.
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
    """`value` as text of several lines, or None where it holds no text.

    NUL, control and bidirectional-override characters and lone surrogates are dropped, line ends
    become `\\n`, and what is longer than `limit` characters is cut with an ellipsis.
    """
    text = _as_text(value)
    if text is None:
        return None
    text = text[: limit + 1_000]
    text = _UNWANTED.sub("", _LINE_BREAKS.sub("\n", text)).strip()
    return cut(text, limit) or None


def clean_line(value: object, limit: int = MAX_LINE_LENGTH) -> str | None:
    """`value` as one line, or None where it holds no text; see `clean_text`."""
    text = clean_text(value, limit * 4)
    return cut(" ".join(text.split()), limit) if text else None


def cut(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters with an ellipsis as the last one."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def parse_id(value: object) -> str | None:
    """An id as text, or None where the value cannot be one (ids are integers at Huntress)."""
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
    """A time as aware datetime in UTC, whole seconds, or None where the value is not a time.

    The years 1 and 9999 are how other systems write "never", and no database can hold them in
    every time zone: times outside 1970 to 9998 count as missing.
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
    """A time with a zone as `isoformat` writes it, to the microsecond and in UTC, or None.

    For what was ours once and has been in somebody's hands since. As with `parse_time`, times
    outside 1970 to 9998 count as missing: some zone's clock cannot show them.
    """
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        moment = time.astimezone(UTC) if time is not None and time.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return moment if moment and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def parse_count(value: object) -> int | None:
    """A number of things, or None where the value is no sensible one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 10**9 else None


def prune(value: object, depth: int = MAX_DEPTH) -> object:
    """`value` without what is nested deeper than `depth`, and without numbers of absurd length.

    What is left can always be written as JSON again.
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
    """Python refuses to write whole numbers of thousands of digits."""
    return isinstance(value, int) and abs(value) >= _HUGE
