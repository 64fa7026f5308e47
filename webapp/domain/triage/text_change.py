"""What of a text is new and what is gone, sentence by sentence."""

import re
from collections import Counter
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True)
class TextChange:
    """The sentences that a text gained and lost, in order; `is_rewritten` if none is left."""

    added: tuple[str, ...]
    gone: tuple[str, ...]
    is_rewritten: bool


def compare_texts(before: str, after: str) -> TextChange:
    """What became of the sentences of `before` in `after`; moved ones count as unchanged."""
    old, new = _sentences(before), _sentences(after)
    kept = Counter(old) & Counter(new)
    return TextChange(_without(new, kept), _without(old, kept), is_rewritten=not kept)


def _sentences(text: str) -> list[str]:
    pieces = (" ".join(piece.split()) for piece in _SENTENCE_END.split(text))
    return [piece for piece in pieces if piece]


def _without(sentences: list[str], kept: Counter[str]) -> tuple[str, ...]:
    left = kept.copy()
    result = []
    for sentence in sentences:
        if left[sentence]:
            left[sentence] -= 1
        else:
            result.append(sentence)
    return tuple(result)
