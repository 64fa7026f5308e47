"""Reading Huntress's answers from bytes into a page of rows or into one object.

Malformed JSON values are read leniently, so that one bad row does not block the others. An answer
without the list or the object that was asked for is an error and never counts as "no rows".
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.huntress.budget import AccountCalls
from webapp.huntress.errors import ErrorKind, HuntressError

MAX_INTEGER_DIGITS = 64
"""Longer whole numbers stay text: no id or count is that long, and parsing takes quadratic time."""


MAX_NESTING = 50
"""The levels of lists and objects that are kept of an answer nested too deeply for Python."""

_STRUCTURE = re.compile(r'[\[\]{}]|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Matches brackets and whole strings, so that brackets inside strings are not counted."""

_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_WEB_PAGE = (
    "A web page came back instead of Huntress's answer; a proxy, firewall or login page stands "
    "between this server and Huntress."
)


def parse_json(body: bytes, content_type: str = "") -> object:
    """Return the JSON value in `body`.

    Invalid UTF-8 is replaced. Whole numbers of more than 64 digits stay text. NaN, Infinity and
    numbers beyond a float's range become None. Control characters inside strings are accepted. If
    the value is nested too deeply to be read, lists and objects below 50 levels become None. Raises
    HuntressError(UNREADABLE) for a body that is not JSON; its sentence names a web page as such.
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
    """Return JSON text with `null` in place of every list and object below `depth` levels.

    It takes linear time for any text. The removed parts are not checked to be JSON.
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
    """The rows of one page of a list, and the token of the next page (None on the last page)."""

    rows: tuple[object, ...]
    next_token: str | None


def read_rows(payload: object, plural: str) -> Rows:
    """Return the rows of a list and the token of its next page.

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
    """Return the object in `{"<name>": {...}}`, or a bare object that has an `id`.

    Raises HuntressError(UNREADABLE) where there is neither.
    """
    if isinstance(payload, dict):
        wrapped = payload.get(name)
        if isinstance(wrapped, dict):
            return wrapped
        if payload.get("id") is not None:
            return payload
    raise _unreadable(f'Huntress\'s answer has no "{name}".')


def parse_account_calls(limit: str | None, remaining: str | None) -> AccountCalls | None:
    """Return what the two headers say of the account's calls; None where they make no sense."""
    if not (_COUNT.fullmatch(limit or "") and _COUNT.fullmatch(remaining or "")):
        return None
    account = AccountCalls(int(limit or ""), int(remaining or ""))
    return account if 0 < account.limit >= account.remaining else None


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
