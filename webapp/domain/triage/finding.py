"""Which of the tickets that a search found is meant most likely."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that was found: its number, and its names in the order of their weight."""

    id: int
    number: str
    names: tuple[str, ...]
    is_closed: bool


def best_first(typed: str, candidates: Sequence[Candidate]) -> list[int]:
    """The ids: by number, then by the first name that fits, open before closed, newest first."""
    wanted = _plain(typed)
    return [
        one.id
        for one in sorted(
            candidates, key=lambda one: (_distance(wanted, one), one.is_closed, -one.id)
        )
    ]


def _distance(wanted: str, candidate: Candidate) -> int:
    if _is_number(wanted, _plain(candidate.number)):
        return 0
    names = [_plain(name) for name in candidate.names]
    for position, name in enumerate(names):
        if name.startswith(wanted):
            return 1 + position
    together = " ".join(names)
    is_named = all(word in together for word in wanted.split())
    return 1 + len(names) if is_named else 2 + len(names)


def _is_number(wanted: str, number: str) -> bool:
    """Whether `17`, `tkt-17` or `tkt-000017` is this number."""
    prefix, _, digits = number.rpartition("-")
    wanted_prefix, _, wanted_digits = wanted.rpartition("-")
    is_same = wanted_digits.isdigit() and wanted_digits.lstrip("0") == digits.lstrip("0")
    return is_same and wanted_prefix in ("", prefix)


def _plain(text: str) -> str:
    return text.casefold().strip()
