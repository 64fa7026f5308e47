"""Mentions in notes: `@name` means one of the people who can work on tickets.

A person is meant by their full name, by the part of their e-mail address before the @, by the whole
address, or by a first name that nobody else has. Case does not matter. What could mean two people
means nobody. A name may stand in quotes: `@"Anna Smith"`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

MARK = "@"
_QUOTES = {'"': '"', "“": "”", "„": "“"}
_JOINS = (".", "-", "@", "_")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be mentioned."""

    id: int
    name: str
    email: str

    @property
    def local_part(self) -> str:
        """The e-mail address before the @."""
        return self.email.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Mention:
    """A person who is mentioned in a text, which goes on at `end`."""

    person_id: int
    end: int


@dataclass(frozen=True)
class MentionBook:
    """The people who can be mentioned."""

    people: tuple[Person, ...] = ()

    @cached_property
    def by_words(self) -> Mapping[str, int]:
        """The person's id by each of the words that mean one person, in lower case.

        An address is stronger than a full name, that than the part before the @, and a first name
        is the weakest: what is stronger is not made ambiguous by what is weaker.
        """
        found: dict[str, int] = {}
        for words in self._kinds():
            counts = Counter(key for key, _ in words)
            for key, person_id in words:
                if key and key not in found:
                    found[key] = person_id if counts[key] == 1 else 0
        return {key: person_id for key, person_id in found.items() if person_id}

    @cached_property
    def _longest_first(self) -> Sequence[str]:
        return sorted(self.by_words, key=len, reverse=True)

    def _kinds(self) -> Iterable[list[tuple[str, int]]]:
        yield [(_key(one.email), one.id) for one in self.people]
        yield [(_key(one.name), one.id) for one in self.people]
        yield [(_key(one.local_part), one.id) for one in self.people]
        yield [(_key(one.name).partition(" ")[0], one.id) for one in self.people]

    def handle_of(self, person: Person) -> str:
        """Return what to write after the @ so that this person and nobody else is meant."""
        for words in (person.name, person.local_part):
            is_plain = words == " ".join(words.split()) and words[-1:].isalnum()
            if is_plain and self.by_words.get(_key(words)) == person.id:
                return words
        return person.email

    def mention_at(self, text: str, position: int) -> Mention | None:
        """Return the mention that begins at `position` of `text`, where the @ stands."""
        before = text[position - 1 : position]
        if text[position : position + 1] != MARK or before.isalnum() or before in _JOINS:
            return None
        start = position + 1
        quote = _QUOTES.get(text[start : start + 1])
        if quote is not None:
            return self._quoted(text, start + 1, quote)
        rest = text[start : start + len(self._longest_first[0]) + 1] if self.by_words else ""
        for key in self._longest_first:
            words = rest[: len(key)]
            if words.lower() == key and not _goes_on(text, start + len(key)):
                return Mention(self.by_words[key], start + len(key))
        return None

    def _quoted(self, text: str, start: int, quote: str) -> Mention | None:
        end = text.find(quote, start)
        person_id = self.by_words.get(_key(text[start:end])) if end > start else None
        return None if person_id is None else Mention(person_id, end + 1)


def _key(words: str) -> str:
    """Lower case, which keeps the length of nearly all words; others are never matched."""
    return " ".join(words.split()).lower()


def _goes_on(text: str, end: int) -> bool:
    """Whether the word in `text` does not end at `end`: `@anna` is not in `@annabel`."""
    following, after = text[end : end + 1], text[end + 1 : end + 2]
    is_joined = following in _JOINS and after.isalnum()
    return following.isalnum() or following == "_" or is_joined
