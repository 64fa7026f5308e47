"""What the bell tells a person of."""

from collections.abc import Mapping
from enum import StrEnum


class Bell(StrEnum):
    """The kinds of what concerns one person; contact methods tell them, too."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    WATCHED = "watched"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    RETURNED = "returned"
    """The ticket is back from waiting."""


SYSTEM = "Triagedesk"
_DEEDS: Mapping[str, str] = {
    Bell.MENTIONED.value: "mentioned you",
    Bell.ASSIGNED.value: "assigned it to you",
    Bell.WATCHED.value: "changed it",
}
_SENTENCES: Mapping[str, str] = {
    Bell.DUE_SOON.value: "Due soon",
    Bell.OVERDUE.value: "Overdue",
    Bell.RETURNED.value: "Back from waiting",
}


def bell_words(kind: str, who: str | None, changes: int = 1) -> str:
    """Return for instance "Anna mentioned you"; without a name the system did it.

    Several `changes` are one item, and `who` made the last of them. A kind of another version gives
    its own words.
    """
    if kind == Bell.WATCHED and changes > 1:
        return f"{changes:,} changes, the last by {who or SYSTEM}"
    deed = _DEEDS.get(kind)
    return (
        f"{who or SYSTEM} {deed}"
        if deed
        else _SENTENCES.get(kind, kind.replace("_", " ").capitalize())
    )
