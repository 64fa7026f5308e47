"""Whether every stored secret can be read with the configured keys, and what keeps it from that."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.crypto import DecryptionError, ValuePlace, Why, cipher
from webapp.services.keys.stored_values import (
    StoredValue,
    find_origin,
    iterate_values,
    list_values,
)
from webapp.services.transactions import reading

OnProgress = Callable[[int], None]
"""Is told how many values have been looked at so far."""


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A value that cannot be read; `origin` is the place it was made for, if that is known."""

    place: ValuePlace
    why: Why
    origin: ValuePlace | None = None

    def sentence(self) -> str:
        """What is the matter, in words."""
        if self.origin is not None:
            return f"{self.place} holds a value that was made for {self.origin}"
        if self.why is Why.NOT_ITS_OWN:
            return f"{self.place} holds a value that was made for another place, or was changed"
        return f"no configured key fits {self.place}"


@dataclass(frozen=True, slots=True)
class Verification:
    """How many values were decrypted, and those that could not be."""

    readable: int
    unreadable: tuple[UnreadableValue, ...]


def verify_values(on_progress: OnProgress = lambda _count: None) -> Verification:
    """Decrypt every stored value, in batches."""
    readable, unreadable = 0, []
    for batch in iterate_values():
        with reading() as session:
            found = _find_unreadable(session, batch)
        readable += len(batch) - len(found)
        unreadable += found
        on_progress(readable + len(unreadable))
    return Verification(readable, tuple(unreadable))


def find_unreadable(session: Session) -> list[UnreadableValue]:
    """Every stored value that cannot be read."""
    return _find_unreadable(session, list(list_values(session)))


def _find_unreadable(session: Session, values: Iterable[StoredValue]) -> list[UnreadableValue]:
    found = []
    for value in values:
        try:
            cipher.decrypt(value.stored, value.place)
        except DecryptionError as error:
            is_misplaced = error.why is Why.NOT_ITS_OWN
            origin = find_origin(value, session) if is_misplaced else None
            found.append(UnreadableValue(value.place, error.why, origin))
    return found
