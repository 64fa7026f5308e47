"""Reading what Huntress answered: bytes to JSON, JSON to a page of rows or to one object.

One row must not wedge the rest, so everything JSON can hold badly is read leniently. But an
answer without the list or the object that was asked for is an error, never "no rows".
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from webapp.huntress.errors import ErrorKind, HuntressError

MAX_INTEGER_DIGITS = 64
"""Longer whole numbers are kept as text: no id or count is that long, and parsing is quadratic."""

MAX_RETRY_AFTER_SECONDS = 120.0
_SHORTEST_RETRY_SECONDS = 1.0

MAX_NESTING = 50
"""Levels of lists and objects kept of an answer that Python cannot read as it is."""

_STRUCTURE = re.compile(r'[\[\]{}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Brackets, and whole strings, so that brackets inside strings do not count."""

_SECONDS = re.compile(r"\d+(\.\d+)?", re.ASCII)
_WEB_PAGE = (
    "A web page came back instead of Huntress's answer; a proxy, firewall or login page stands "
    "between this server and Huntress."
)


def parse_json(body: bytes, content_type: str = "") -> object:
    """The JSON value in `body`.

    Invalid UTF-8 is replaced, whole numbers of more than 64 digits stay text, NaN, Infinity and
    numbers beyond a float's range become None, control characters inside strings are accepted.
    Where it is nested too deeply to be read, lists and objects below 50 levels become None.

    Raises HuntressError(UNREADABLE) for anything that is not JSON, a web page being named as one.
    """
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return _decode(text)
    except RecursionError:
        text = cut_nesting(text)
    except ValueError:
        raise _unreadable(_why_no_json(text, content_type)) from None
    try:
        return _decode(text)
    except ValueError:
        raise _unreadable(_why_no_json(text, content_type)) from None


def cut_nesting(text: str, depth: int = MAX_NESTING) -> str:
    """JSON text with `null` in place of every list and object below `depth` levels.

    Takes linear time, whatever the text is. Whether what is cut out was JSON is not looked at.
    """
    kept, level, start = [], 0, 0
    for match in _STRUCTURE.finditer(text):
        mark = match.group()
        if mark in "[{":
            level += 1
            if level == depth + 1:
                kept += [text[start : match.start()], "null"]
        elif mark in "]}":
            if level == depth + 1:
                start = match.end()
            level -= 1
    return "".join([*kept, text[start:]]) if level <= depth else "".join(kept)


def _decode(text: str) -> object:
    return json.loads(
        text,
        strict=False,
        parse_int=_parse_int,
        parse_float=_parse_float,
        parse_constant=lambda _: None,
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one page of a list and the token of the next page (None on the last one)."""

    rows: tuple[object, ...]
    next_token: str | None


def read_rows(payload: object, plural: str) -> Rows:
    """The rows of a list and the token of its next page.

    Accepts `{"<plural>": [...], "pagination": {...}}` with any or no pagination, and a bare list.
    There is a next page only where `pagination.next_page_token` is a non-empty string.

    Raises HuntressError(UNREADABLE) where there is no list.
    """
    if isinstance(payload, list):
        return Rows(tuple(payload), None)
    rows = payload.get(plural) if isinstance(payload, Mapping) else None
    if not isinstance(payload, Mapping) or not isinstance(rows, list):
        raise _unreadable(f'Huntress\'s answer has no list of "{plural}".')
    pagination = payload.get("pagination")
    token = pagination.get("next_page_token") if isinstance(pagination, Mapping) else None
    return Rows(tuple(rows), token if isinstance(token, str) and token else None)


def read_object(payload: object, name: str) -> dict[str, Any]:
    """The object in `{"<name>": {...}}`, or the bare object, known by its `id`.

    Raises HuntressError(UNREADABLE) where there is neither.
    """
    if isinstance(payload, dict):
        wrapped = payload.get(name)
        if isinstance(wrapped, dict):
            return wrapped
        if payload.get("id") is not None:
            return payload
    raise _unreadable(f'Huntress\'s answer has no "{name}".')


def parse_http_date(value: str | None) -> datetime | None:
    """An HTTP date as aware datetime in UTC, or None where the text is not one."""
    try:
        parsed = parsedate_to_datetime(value or "")
        # A zone of "-0000" comes back without one; HTTP dates are always in UTC.
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds a `Retry-After` header asks for, from 1 to 120; None where it is unusable.

    `now` is the answer's own time: a date in the header is measured from it.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        date = parse_http_date(text)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return min(max(seconds, _SHORTEST_RETRY_SECONDS), MAX_RETRY_AFTER_SECONDS)


def _parse_int(text: str) -> int | str:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else text


def _parse_float(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _why_no_json(text: str, content_type: str) -> str:
    if "html" in content_type.lower() or text.lstrip().startswith("<"):
        return _WEB_PAGE
    if not text.strip():
        return "Huntress's answer was empty."
    return "Huntress's answer is not valid JSON; it may have been cut short on the way."


def _unreadable(sentence: str) -> HuntressError:
    return HuntressError(ErrorKind.UNREADABLE, sentence)
