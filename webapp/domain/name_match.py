"""Matching a Huntress organization to the client of the same name.

Two names are the same when their normalized forms are equal: apostrophes are removed, every other
punctuation mark separates words, and letters of every script are letters. Similar names are never
linked. `tests/cases/name_match.json` has worked examples.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´＇"))


@dataclass(frozen=True, slots=True)
class NameMatch(Generic[Key]):
    """The clients of the same name; one is a match, several are ambiguous."""

    candidates: tuple[Key, ...]

    @property
    def matched(self) -> Key | None:
        """The client to link; None unless there is exactly one."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether a person has to choose among several clients."""
        return len(self.candidates) > 1


class NameIndex(Generic[Key]):
    """Clients by normalized name, built once for many look-ups."""

    def __init__(self, clients: Iterable[tuple[Key, str]]) -> None:
        self._by_name: defaultdict[str, list[Key]] = defaultdict(list)
        for key, name in clients:
            self._by_name[normalize_name(name)].append(key)

    def match(self, name: str) -> NameMatch[Key]:
        """Return the clients with the same name; a name without a letter or digit matches none."""
        normalized = normalize_name(name)
        return NameMatch(tuple(self._by_name.get(normalized, ())) if normalized else ())


def match_name(name: str, clients: Iterable[tuple[Key, str]]) -> NameMatch[Key]:
    """Match one `name` against `(key, name)` pairs."""
    return NameIndex(clients).match(name)


def normalize_name(name: str) -> str:
    """Return `name` as case-folded words of letters and digits with one space between them."""
    text = unicodedata.normalize("NFC", name).casefold().translate(_APOSTROPHES)
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if _is_letter(c) else " " for c in text).split())


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"
