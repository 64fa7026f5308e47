"""Finding the names of somebody who is forgotten in texts where no id leads to them.

A word is looked for inside of texts. One that begins with WHOLE has to be the whole text, because
it means other things as well: a person may be called "admin".
"""

import json
from collections.abc import Iterable, Iterator, Sequence

LEAST_LENGTH = 3
"""Shorter names are only found as a whole text: they are part of too many others."""

WHOLE = "="


def words_to_find(names: Iterable[str | None], *, are_inside: bool = True) -> list[str]:
    """Return the words for some names, each once, the longest first.

    Without `are_inside`, names of one word are only found as a whole; addresses always are.
    """
    found = {line for name in names if (line := " ".join((name or "").split()))}
    return [
        one if _is_telling(one, are_inside) else f"{WHOLE}{one}"
        for one in sorted(found, key=lambda one: (-len(one), one))
    ]


def name_any(text: str, words: Sequence[str]) -> bool:
    """Whether the text names somebody: "Acme" is in "Acme: 3 tickets", and not in "Acmeville"."""
    line = " ".join(text.split())
    return any(
        line == plain_word(word) if word.startswith(WHOLE) else any(_places(line, word))
        for word in words
    )


def names_within(document: object, words: Sequence[str]) -> bool:
    """Whether any text within a JSON document names somebody."""
    return any(name_any(text, words) for text in _texts(document))


def without_words(text: str, words: Sequence[str], instead: str) -> str:
    """Return the text with `instead` in the place of each of the words, wherever they stand."""
    for word in map(plain_word, words):
        for start, end in reversed([*_places(text, word)]):
            text = f"{text[:start]}{instead}{text[end:]}"
    return text


def plain_word(word: str) -> str:
    """Return the name that a word looks for."""
    return word.removeprefix(WHOLE)


def json_fragment(word: str) -> str:
    """Return how a word stands in stored JSON, where other letters than ASCII are escaped."""
    return json.dumps(plain_word(word))[1:-1]


def _is_telling(name: str, is_inside: bool) -> bool:
    return len(name) >= LEAST_LENGTH and (is_inside or " " in name or "@" in name)


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _texts(value)


def _places(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Where the word stands by itself, not as a part of another: begin and end, in their order."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not _is_letter(text[start - 1 : start]) and not _is_letter(text[end : end + 1]):
            yield start, end
            start = text.find(word, end)
        else:
            start = text.find(word, start + 1)


def _is_letter(character: str) -> bool:
    return character.isalnum() or character == "_"
