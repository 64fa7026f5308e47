"""Links between tickets: their kinds, and which tickets may be linked how.

A duplicate has one original, which is no duplicate itself; a part has one case, which is no part
itself. So no chain is longer than one link, and there are no circles.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

LINK_NUMBER_LENGTH = 40
_LAST_DIGITS = re.compile(r"(\d{1,15})$")


class LinkKind(StrEnum):
    """What a ticket is to the other one."""

    RELATED = "related"
    DUPLICATE = "duplicate"
    PART = "part"


class LinkChoice(StrEnum):
    """What a person can make of a ticket and another one."""

    RELATED = "related"
    DUPLICATE = "duplicate"
    PART = "part"
    HAS_PART = "has_part"


CHOICE_WORDS = {
    LinkChoice.RELATED: "Related to",
    LinkChoice.DUPLICATE: "Duplicate of (closes this one)",
    LinkChoice.PART: "Part of the case",
    LinkChoice.HAS_PART: "Case over",
}


@dataclass(frozen=True, slots=True)
class LinkState:
    """A ticket as far as its links go; `original` and `case` are the numbers of other tickets."""

    number: str
    original: str | None = None
    case: str | None = None
    has_parts: bool = False


def relation_words(kind: str, *, is_from: bool) -> str:
    """What a ticket is to the other one; `is_from` says that it is the one that was linked."""
    if kind == LinkKind.DUPLICATE:
        return "a duplicate of" if is_from else "the original of"
    if kind == LinkKind.PART:
        return "part of" if is_from else "the case over"
    return "related to"


def link_problem(
    choice: LinkChoice, this: LinkState, other: LinkState, *, between: str | None
) -> str | None:
    """Why the tickets cannot be linked, as a sentence, or None.

    `between` says what this ticket is to the other one already (see `relation_words`), if anything.
    """
    if this.number == other.number:
        return "A ticket cannot be linked to itself. Enter the number of another one."
    if between is not None:
        return (
            f"{this.number} is {between} {other.number} already."
            " Remove that link first, if it is to be another one."
        )
    if choice is LinkChoice.DUPLICATE:
        return _duplicate_problem(this, other)
    if choice is LinkChoice.PART:
        return _part_problem(this, other)
    if choice is LinkChoice.HAS_PART:
        return _part_problem(other, this)
    return None


def _duplicate_problem(this: LinkState, other: LinkState) -> str | None:
    if this.original is not None:
        return (
            f"{this.number} is a duplicate of {this.original} already. Remove that link first,"
            " if it is to be the duplicate of another one."
        )
    if other.original is not None:
        return (
            f"{other.number} is itself a duplicate of {other.original}."
            f" Link this ticket to {other.original} instead."
        )
    return None


def _part_problem(part: LinkState, case: LinkState) -> str | None:
    if part.case is not None:
        return f"{part.number} is part of {part.case} already. Remove that link first."
    if case.case is not None:
        return (
            f"{case.number} is itself part of {case.case}, and a case is part of no other one."
            f" Link to {case.case} instead."
        )
    if part.has_parts:
        return (
            f"{part.number} is a case with parts of its own, so it cannot be part of another one."
        )
    return None


def number_candidates(typed: str, prefix: str) -> tuple[str, ...]:
    """The ticket numbers that a person may mean, the likeliest first: `TKT-000012`, `#12`, `12`."""
    text = typed.strip().lstrip("#").strip()[:LINK_NUMBER_LENGTH]
    digits = _LAST_DIGITS.search(text)
    if not text or digits is None:
        return (text,) if text else ()
    full = f"{prefix}{int(digits[1]):06d}"
    is_bare = text == digits[1]
    return (full,) if is_bare else tuple(dict.fromkeys((text.upper(), text, full)))
