"""Operators in what was typed into the search: `client:acme is:untouched "two words"`.

They have the names of the filters. Whatever is no operator is searched for as text.
"""

import re
from dataclasses import dataclass

from webapp.domain.incident import Severity
from webapp.domain.search_query import IndexPart, Term, parse_search, parse_value
from webapp.domain.triage.close_reasons import CloseReason

OPERATORS = {
    "client": "client",
    "status": "status",
    "priority": "priority",
    "assignee": "assignee",
    "board": "board",
    "severity": "severity",
    "source": "source",
    "is": "is",
    "host": "host",
    "user": "host",
    "file": "file",
    "reference": "reference",
    "closed_as": "closed_as",
    "older_than": "older_than",
    "within": "within",
    "untouched_for": "untouched_for",
    **dict.fromkeys(
        ("indicator", "hash", "sha256", "sha1", "md5", "ip", "domain", "url", "path", "account"),
        "indicator",
    ),
}
"""The names that may be typed, and what each asks for."""

STATES = {
    "open": "open",
    "closed": "closed",
    "untouched": "untouched",
    "unmapped": "of an unmapped organization",
    "triage": "in the triage queue",
    "mine": "assigned to me",
    "unassigned": "assigned to nobody",
    "waiting": "waiting for a moment",
    "overdue": "overdue",
    "raised": "raised by Huntress above the priority that was chosen",
    "watching": "watched by me",
    "no_reference": "without a PSA reference",
    "closed_in_huntress": "open here, and closed in Huntress",
    "open_in_huntress": "closed here, and open in Huntress",
}
"""What may follow `is:`, in words."""

VALUES = {
    "is": tuple(STATES),
    "severity": tuple(one.value for one in reversed(Severity)),
    "source": ("huntress", "manual"),
    "closed_as": tuple(one.value for one in CloseReason),
}
"""The only values that some operators may have."""

AGE_OPERATORS = ("older_than", "within", "untouched_for")
"""What is followed by hours or days, such as `24h` or `3d`; a number alone means hours."""

MAX_HOURS = 24 * 366

PLACES = {"host": IndexPart.SUBJECT, "file": IndexPart.FILES, "indicator": IndexPart.INDICATORS}
"""What is looked for in a part of the index; everything else becomes a filter of the list."""

MAX_OPERATORS = 12

_PART = re.compile(
    r"""
    (?<!\S)(?P<name>[A-Za-z][A-Za-z_0-9]+):(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<value>[^"\s]*))
    | (?P<phrase>"[^"]*(?:"|$))
    | (?P<text>[^"\s]+)
    """,
    re.VERBOSE,
)
_SPAN = re.compile(r"(?P<number>[0-9]{1,4})(?P<unit>[hd]?)", re.IGNORECASE)
_NO_OPERATOR = re.compile(r"(?i)(?:[a-z]|https?|hxxps?|ftp|hk[a-z_]+)")
"""What stands before a colon in paths, addresses of the web and keys of registries."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator asks for (a value of OPERATORS), by which name, with which value."""

    asks: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ParsedSearch:
    """The `text` that is searched for, the operators beside it, and sentences on what is unclear.

    Text holds quotes as they were typed.
    """

    text: str
    operators: tuple[Operator, ...] = ()
    unclear: tuple[str, ...] = ()


def parse_operators(typed: str) -> ParsedSearch:
    """Take the operators out of what was typed; at most MAX_OPERATORS of them. Never raises.

    An operator that does not exist is said in words and searched for as text; one without a value
    is left out, as somebody is still typing.
    """
    texts: list[str] = []
    operators: list[Operator] = []
    unclear: list[str] = []
    for part in _PART.finditer(typed):
        name = part["name"]
        asks = OPERATORS.get(name.lower()) if name else None
        value = (part["quoted"] if part["quoted"] is not None else part["value"] or "").strip()
        if asks is None:
            texts.append(part[0])
            if name and _looks_like_operator(name, value):
                unclear.append(f"“{name}:” is no filter; it was searched for as text.")
        elif not value:
            unclear.append(f"“{name}:” needs a value after the colon, such as {_example(asks)}.")
        elif asks in VALUES and value.lower() not in VALUES[asks]:
            unclear.append(f"“{name}:{value}” is unknown; there are {_values(asks)}.")
        elif asks in AGE_OPERATORS and hours_of_span(value) is None:
            unclear.append(
                f"“{name}:{value}” is no time of a year at most; write {asks}:24h or {asks}:3d."
            )
        elif len(operators) == MAX_OPERATORS:
            unclear.append(f"Only the first {MAX_OPERATORS} filters of a search count.")
        else:
            operators.append(Operator(asks, name.lower(), value))
    return ParsedSearch(" ".join(texts), tuple(operators), tuple(dict.fromkeys(unclear)))


def search_terms(parsed: ParsedSearch) -> tuple[Term, ...]:
    """Return all that the index is searched for: the text, and operators that ask for PLACES."""
    asked = [
        parse_value(one.value, PLACES[one.asks]) for one in parsed.operators if one.asks in PLACES
    ]
    return (*(term for term in asked if term is not None), *parse_search(parsed.text))


def is_text_search(parsed: ParsedSearch) -> bool:
    """Whether the index is searched at all; filters alone need it not."""
    return bool(parsed.text.strip()) or any(one.asks in PLACES for one in parsed.operators)


def hours_of_span(value: str) -> int | None:
    """Return the hours that a value of AGE_OPERATORS means; None for any other text.

    >>> hours_of_span("3d")
    72
    """
    found = _SPAN.fullmatch(value)
    hours = int(found["number"]) * (24 if found["unit"].lower() == "d" else 1) if found else 0
    return hours if 0 < hours <= MAX_HOURS else None


def _looks_like_operator(name: str, value: str) -> bool:
    """Whether a word before a colon was meant as one: `HKLM:\\x` and `https://x` are not."""
    is_address = value.startswith(("/", "\\", ":"))
    return bool(value) and not is_address and not _NO_OPERATOR.fullmatch(name)


def _example(asks: str) -> str:
    examples = {"is": "is:untouched", "client": 'client:"Acme Ltd"', "assignee": "assignee:me"}
    examples |= {age: f"{age}:24h" for age in AGE_OPERATORS}
    first = VALUES[asks][0] if asks in VALUES else "word"
    return examples.get(asks, f"{asks}:{first}")


def _values(asks: str) -> str:
    return ", ".join(f"{asks}:{value}" for value in VALUES[asks])
