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
_WORDS: Mapping[str, str] = {
    Bell.MENTIONED.value: "{who} mentioned you",
    Bell.ASSIGNED.value: "{who} assigned it to you",
    Bell.WATCHED.value: "{who} changed it",
    Bell.DUE_SOON.value: "Due soon",
    Bell.OVERDUE.value: "Overdue",
}


def bell_words(kind: str, who: str | None, changes: int = 1) -> str:
    """Return for instance "Anna mentioned you"; without a name the system did it.

    Several `changes` are one item, and `who` made the last of them. A kind of another version gives
    its own words.
    """
    if kind == Bell.WATCHED and changes > 1:
        return f"{changes:,} changes, the last by {who or SYSTEM}"
    words = _WORDS.get(kind)
    return words.format(who=who or SYSTEM) if words else kind.replace("_", " ").capitalize()
