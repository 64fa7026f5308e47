"""Turning what a person typed into the search into terms and into database queries.

Words are runs of letters and digits, as in the index; every other character separates words. The
words of `DESKTOP-7F3A` or of "two words" in quotes are found only where they follow each other.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

SEARCH_LENGTH = 100
"""How many characters of the typed text are searched for, in every list."""

MAX_TERMS = 12
NUMBER_DIGITS = 6

_QUOTED_OR_NOT = re.compile(r'"([^"]*)(?:"|$)|([^"\s]+)')
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; with `is_prefix` the last one is the beginning of a word."""

    words: tuple[str, ...]
    is_prefix: bool = False

    @property
    def as_number(self) -> "Term | None":
        """The term with its number as ticket numbers are written: `123` becomes `000123`.

        `TKT-123` is changed likewise. None where the term is not such a number.
        """
        *prefix, last = self.words
        if len(prefix) > 1 or not _NUMBER.fullmatch(last):
            return None
        return Term((*prefix, last.zfill(NUMBER_DIGITS)))


def parse_search(typed: str) -> tuple[Term, ...]:
    """Return the terms, all of which must be found; empty where no word was typed.

    The last word may be the beginning of a longer word, unless it is in quotes. At most MAX_TERMS
    terms are kept. Never raises.
    """
    terms: list[Term] = []
    for quoted, plain in _QUOTED_OR_NOT.findall(typed):
        words = tuple(_WORD.findall(quoted or plain))
        if words:
            terms.append(Term(words, is_prefix=not quoted))
    terms = terms[:MAX_TERMS]
    return tuple(
        Term(term.words, term.is_prefix and position == len(terms) - 1)
        for position, term in enumerate(terms)
    )


def as_fts5(terms: tuple[Term, ...]) -> str:
    """Return a query for SQLite's FTS5; every word is quoted, so that it is not an operator."""
    return " AND ".join(_either(term, _fts5_phrase, " OR ") for term in terms)


def as_tsquery(terms: tuple[Term, ...]) -> str:
    """Return a to_tsquery query for PostgreSQL; every word is quoted, so it is not an operator."""
    return " & ".join(_either(term, _ts_phrase, " | ") for term in terms)


def _either(term: Term, write: Callable[[Term], str], operator: str) -> str:
    number = term.as_number
    return write(term) if number is None else f"({write(term)}{operator}{write(number)})"


def _fts5_phrase(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + ("*" if term.is_prefix else "")


def _ts_phrase(term: Term) -> str:
    words = [f"'{word}'" for word in term.words]
    if term.is_prefix:
        words[-1] += ":*"
    return "(" + " <-> ".join(words) + ")"
