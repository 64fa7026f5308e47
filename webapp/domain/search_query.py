"""What a person typed into the search, as terms, and as the query of each kind of database.

Words are runs of letters and digits, as the index has them; everything else separates. What holds
together (`DESKTOP-7F3A`, "two words" in quotes) is found only where its words follow each other.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

SEARCH_LENGTH = 100
"""How much of what was typed into a search field is searched for, in every list."""

MAX_TERMS = 12
NUMBER_DIGITS = 6

_QUOTED_OR_NOT = re.compile(r'"([^"]*)(?:"|$)|([^"\s]+)')
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other. `is_prefix`: the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool = False

    @property
    def as_number(self) -> "Term | None":
        """`123` or `TKT-123` as the ticket's number has it: `000123`."""
        *prefix, last = self.words
        if len(prefix) > 1 or not _NUMBER.fullmatch(last):
            return None
        return Term((*prefix, last.zfill(NUMBER_DIGITS)))


def parse_search(typed: str) -> tuple[Term, ...]:
    """The terms, all of which must be found; none where nothing was typed that could be found.

    The last word may be the beginning of one, unless it stands in quotes. Never raises.
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
    """A query of SQLite's FTS5; every word is quoted, so that none is an operator."""
    return " AND ".join(_either(term, _fts5_phrase, " OR ") for term in terms)


def as_tsquery(terms: tuple[Term, ...]) -> str:
    """A query for PostgreSQL's to_tsquery; every word is quoted, so that none is an operator."""
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
