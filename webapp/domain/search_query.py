"""Turning what a person typed into the search into terms and into database queries.

Words are runs of letters and digits, as in the index; every other character separates words. The
words of `DESKTOP-7F3A` or of "two words" in quotes are found only where they follow each other.
Accents and case do not matter (see domain.searching.fold_letters).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from webapp.domain.searching.fold_letters import plain_letters

SEARCH_LENGTH = 200
"""How many characters of the typed text are searched for, in every list."""

MAX_TERMS = 12
NUMBER_DIGITS = 6

_QUOTED_OR_NOT = re.compile(r'"([^"]*)(?:"|$)|([^"\s]+)')
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[0-9]{1,5}")
_ADDRESS = re.compile(r"[0-9]+(?:[.:/][0-9]+)+|(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f]{0,4}")
_MORE = "*"


class IndexPart(StrEnum):
    """A part of a ticket that can be searched alone, as SQLite's index names its column."""

    INDICATORS = "indicators"
    SUBJECT = "subject"
    FILES = "files"

    @property
    def label(self) -> str:
        """The label of its words in PostgreSQL's index."""
        return {IndexPart.INDICATORS: "A", IndexPart.SUBJECT: "B", IndexPart.FILES: "C"}[self]


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; with `is_prefix` the last one is the beginning of a word.

    With a `place`, they are looked for only there.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    place: IndexPart | None = None

    @property
    def as_number(self) -> "Term | None":
        """The term with its number as ticket numbers are written: `123` becomes `000123`.

        `TKT-123` is changed likewise. None where the term is not such a number.
        """
        *prefix, last = self.words
        if self.place or len(prefix) > 1 or not _NUMBER.fullmatch(last):
            return None
        return Term((*prefix, last.zfill(NUMBER_DIGITS)))


def parse_search(typed: str) -> tuple[Term, ...]:
    """Return the terms, all of which must be found; empty where no word was typed.

    The last word may be the beginning of a longer word, unless it is in quotes; so may every word
    with an asterisk. An address such as `192.0.2.3` is meant whole. At most MAX_TERMS terms are
    kept. Never raises.
    """
    found = [
        (words, quoted, plain)
        for quoted, plain in _QUOTED_OR_NOT.findall(typed)
        if (words := tuple(_WORD.findall(quoted or plain)))
    ][:MAX_TERMS]
    last = len(found) - 1
    return tuple(
        Term(words, not quoted and _goes_on(plain, is_last=position == last))
        for position, (words, quoted, plain) in enumerate(found)
    )


def parse_value(value: str, place: IndexPart) -> Term | None:
    """Return what an operator looks for in a place: the words of its value, following each other.

    The last may be the beginning of a longer word, unless the value is an address. None where it
    holds no word.
    """
    words = tuple(_WORD.findall(value))
    return Term(words, not _is_whole(value), place) if words else None


def _goes_on(plain: str, *, is_last: bool) -> bool:
    return plain.endswith(_MORE) or (is_last and not _is_whole(plain))


def _is_whole(value: str) -> bool:
    """Whether a value is an address of a network or a machine, and not the beginning of one."""
    return _ADDRESS.fullmatch(value.strip(",;()[]")) is not None


def as_fts5(terms: tuple[Term, ...]) -> str:
    """Return a query for SQLite's FTS5; every word is quoted, so that it is not an operator."""
    return " AND ".join(_either(term, _fts5_phrase, " OR ") for term in terms)


def as_tsquery(terms: Sequence[Term]) -> str:
    """Return a to_tsquery query for PostgreSQL; every word is quoted, so it is not an operator.

    Its letters are not folded yet: a function of the database folds them as it folds the texts.
    """
    return " & ".join(_either(term, _ts_phrase, " | ") for term in terms)


def as_loose_tsquery(terms: Sequence[Term]) -> str:
    """Return as_tsquery's query without the order and the places of words.

    It finds all that as_tsquery finds, and maybe more; an index can tell it alone.
    """
    return " & ".join(_either(term, _ts_words, " | ") for term in terms)


def _either(term: Term, write: Callable[[Term], str], operator: str) -> str:
    number = term.as_number
    return write(term) if number is None else f"({write(term)}{operator}{write(number)})"


def _fts5_phrase(term: Term) -> str:
    place = f"{term.place} : " if term.place else ""
    words = plain_letters(" ".join(term.words))
    return f'{place}"{words}"' + ("*" if term.is_prefix else "")


def _ts_words(term: Term) -> str:
    return _ts_phrase(replace(term, place=None)).replace("<->", "&")


def _ts_phrase(term: Term) -> str:
    label = term.place.label if term.place else ""
    words = [f"'{word}'" + (f":{label}" if label else "") for word in term.words]
    if term.is_prefix:
        words[-1] = f"'{term.words[-1]}':*{label}"
    return "(" + " <-> ".join(words) + ")"
