"""How two texts differ, line by line."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum


class Side(StrEnum):
    """Where a line stands: in both texts, only in the old one, or only in the new one."""

    BOTH = "both"
    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of one text or of both."""

    side: Side
    text: str


def diff_lines(old: str, new: str) -> list[DiffLine]:
    """All lines of both texts, in order; where they differ, the old lines before the new ones."""
    before, after = old.split("\n"), new.split("\n")
    found: list[DiffLine] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, begin, end, new_begin, new_end in matcher.get_opcodes():
        if kind == "equal":
            found += [DiffLine(Side.BOTH, line) for line in before[begin:end]]
            continue
        found += [DiffLine(Side.OLD, line) for line in before[begin:end]]
        found += [DiffLine(Side.NEW, line) for line in after[new_begin:new_end]]
    return found
