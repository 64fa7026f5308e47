"""What the bell tells a person of."""

from collections.abc import Mapping
from enum import StrEnum


class Bell(StrEnum):
    """The kinds of what concerns one person; policies call them by the same words."""

    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    WATCHED = "watched"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


SYSTEM = "Triagedesk"
_DEEDS: Mapping[str, str] = {
    Bell.MENTIONED.value: "mentioned you",
    Bell.ASSIGNED.value: "assigned it to you",
    Bell.WATCHED.value: "changed it",
}


def bell_words(kind: str, who: str | None, changes: int = 1) -> str:
    """Return for instance "Anna mentioned you"; without a name the system did it.

    Several `changes` are one item, and `who` made the last of them. A kind of another version gives
    its own words.
    """
    if kind == Bell.WATCHED and changes > 1:
        return f"{changes:,} changes, the last by {who or SYSTEM}"
    deed = _DEEDS.get(kind)
    return f"{who or SYSTEM} {deed}" if deed else kind.replace("_", " ").capitalize()
