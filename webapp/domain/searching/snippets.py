"""Where a search matches, in context: a short piece of text with the matches marked.

Work is bounded: only the first SCANNED characters of a text are looked at, by expressions without
nested repetition.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.domain.search_query import Term
from webapp.domain.searching.fold_letters import pattern_of

SCANNED = 20_000
SNIPPET_LENGTH = 160
SHOWN_BEFORE = 40
LONGEST_MARK = 80

_WORD_BEGINS = r"(?<![^\W_])"
_WORD_ENDS = r"(?![^\W_])"
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a snippet; `is_match` says that it is what was searched for."""

    text: str
    is_match: bool


Snippet = tuple[Piece, ...]


def compile_terms(terms: Sequence[Term]) -> list[re.Pattern[str]]:
    """Return an expression for each term, for `make_snippet` and `is_complete`."""
    return [re.compile(_pattern(term), re.IGNORECASE) for term in terms]


def has_all(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    """Whether `text` itself shows every term, so that no snippet is needed."""
    return all(pattern.search(text) for pattern in patterns)


def make_snippet(patterns: Sequence[re.Pattern[str]], texts: Iterable[str]) -> Snippet:
    """Return the piece of the first text with most terms in it; empty if none has any.

    White space is shown as single spaces; what is left out at either end is an ellipsis.
    """
    best, best_spans = "", []
    found = 0
    for text in texts:
        scanned = text[:SCANNED]
        firsts = [match for pattern in patterns if (match := pattern.search(scanned))]
        if len(firsts) > found:
            found, best, best_spans = len(firsts), scanned, firsts
        if found and found == len(patterns):
            break
    if not found:
        return ()
    start = min(match.start() for match in best_spans)
    return _cut(best, start, patterns)


def _cut(text: str, start: int, patterns: Sequence[re.Pattern[str]]) -> Snippet:
    """Return what surrounds `start`, from the beginning of a word on."""
    begin = max(0, start - SHOWN_BEFORE)
    if begin:
        blank = text.find(" ", begin, start)
        begin = blank + 1 if blank >= 0 else begin
    end = min(len(text), begin + SNIPPET_LENGTH)
    spans = _merge(
        sorted(
            (match.start(), min(match.end(), match.start() + LONGEST_MARK, end))
            for pattern in patterns
            for match in pattern.finditer(text, begin, end)
        )
    )
    pieces: list[Piece] = [Piece("… ", False)] if begin else []
    place = begin
    for first, last in spans:
        pieces += [Piece(_flat(text[place:first]), False), Piece(_flat(text[first:last]), True)]
        place = last
    pieces.append(Piece(_flat(text[place:end]), False))
    if end < len(text):
        pieces.append(Piece(" …", False))
    return tuple(piece for piece in pieces if piece.text)


def _merge(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        elif last > first:
            merged.append((first, last))
    return merged


def _flat(text: str) -> str:
    return _SPACES.sub(" ", text)


def _pattern(term: Term) -> str:
    spellings = [_words(term)] + ([_words(number)] if (number := term.as_number) else [])
    return f"{_WORD_BEGINS}(?:{'|'.join(spellings)})"


def _words(term: Term) -> str:
    words = r"[\W_]{1,8}".join(pattern_of(word) for word in term.words)
    return words + (r"[^\W_]{0,40}" if term.is_prefix else _WORD_ENDS)
