"""Two people on one ticket: which of their edits collide, and how the page tells of the others.

Values are compared as the texts that a form carries.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.domain.triage.bell import SYSTEM
from webapp.domain.untrusted import clean_text

FIELD_WORDS = {
    "status": "status",
    "priority": "priority",
    "assignee": "assignee",
    "client": "client",
    "board": "board",
    "category": "category",
    "title": "title",
    "description": "description",
    "external_reference": "PSA reference",
    "external_url": "PSA link",
    "host": "host",
}
"""The words for the fields of a ticket that people change."""


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry of the timeline: whose it is, whether it is a note, and the fields it changed."""

    author: str | None
    is_note: bool
    fields: tuple[str, ...] = ()


def fingerprint(text: str) -> str:
    """A hash that is equal for texts that are stored alike, for example despite line ends."""
    return hashlib.sha256((clean_text(text) or "").encode()).hexdigest()


def fields_in_conflict(
    wanted: Mapping[str, str], stored: Mapping[str, str], was: Mapping[str, str]
) -> tuple[str, ...]:
    """The fields of `wanted` that somebody else set to something else meanwhile.

    `was` are the values that the form showed. A field is free if it still has that value, or has
    the wanted one already; a field without a `was` value is never in conflict here.
    """
    return tuple(
        name
        for name, value in wanted.items()
        if name in was and stored[name] not in (was[name], value)
    )


def conflict_words(names: Sequence[str], present: Mapping[str, str]) -> str:
    """What is said when nothing was saved because the fields `names` were changed meanwhile.

    `present` holds the words for what fields say now, for those that fit into a sentence.
    """
    parts = [
        f"the {FIELD_WORDS[name]} was changed" + (f" to {present[name]}" if name in present else "")
        for name in names
    ]
    what = _listed(parts)
    return (
        f"{what[:1].upper()}{what[1:]} while you were looking at it. Nothing was saved: "
        "check what is new, then save again."
    )


def meanwhile_words(deeds: Sequence[Deed], present: Mapping[str, str]) -> str | None:
    """A sentence such as “Meanwhile Bo changed the priority to High.”; None if nothing happened.

    `deeds` are what others did, the oldest first. A value of `present` is named once, with whoever
    set it last.
    """
    last_setter = {name: deed.author for deed in deeds for name in deed.fields}
    done: dict[str | None, list[str]] = {}
    for deed in deeds:
        words = done.setdefault(deed.author, [])
        for one in _deed_words(deed, last_setter, present):
            if one not in words:
                words.append(one)
    if not done:
        return None
    people = [f"{author or SYSTEM} {_listed(words)}" for author, words in done.items()]
    return f"Meanwhile {', and '.join(people)}."


def _deed_words(
    deed: Deed, last_setter: Mapping[str, str | None], present: Mapping[str, str]
) -> list[str]:
    if deed.is_note:
        return ["wrote a note"]
    if not deed.fields:
        return ["changed the ticket" if deed.author else "added what Huntress reported"]
    return [
        f"changed the {FIELD_WORDS.get(name, 'ticket')}"
        + (f" to {present[name]}" if name in present and last_setter[name] == deed.author else "")
        for name in deed.fields
    ]


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
