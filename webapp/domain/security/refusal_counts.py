"""How many refusals are written down one by one, so that a flood of them fills no database.

Those that are not are counted, and the next one that is written says how many there were.
"""

from collections import OrderedDict
from dataclasses import dataclass

SECONDS = 60.0
MOST_FROM_STRANGERS = 60
"""In a minute, from all addresses together."""

MOST_FROM_A_PERSON = 30
"""In a minute, from somebody who is signed in."""

MOST_KEYS = 10_000
EVERYBODY = ""
"""The key under which strangers are counted together."""


@dataclass(slots=True)
class _Count:
    """One minute of one key."""

    began_at: float
    written: int = 0
    skipped: int = 0


class RefusalCounts:
    """Counts refusals by key: an address of strangers, or a person. Not safe for threads."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def admit(self, key: str, now: float, *, is_person: bool) -> int | None:
        """Return None if a refusal is only counted, else how many of its key were since the last.

        `now` is in seconds and never goes back. Of a stranger's address one in a minute is written,
        and 60 of all of them; of a person 30.
        """
        if is_person:
            return self._admit(key, now, MOST_FROM_A_PERSON)
        skipped = self._admit(key, now, 1)
        if skipped is not None and self._admit(EVERYBODY, now, MOST_FROM_STRANGERS) is None:
            self.put_back(key, now, skipped + 1)
            return None
        return skipped

    def put_back(self, key: str, now: float, skipped: int) -> None:
        """Count `skipped` again: they were not written after all."""
        self._count(key, now).skipped += skipped

    def _admit(self, key: str, now: float, most: int) -> int | None:
        count = self._count(key, now)
        if count.written >= most:
            count.skipped += 1
            return None
        count.written += 1
        skipped, count.skipped = count.skipped, 0
        return skipped

    def _count(self, key: str, now: float) -> _Count:
        """The count of this minute; what was skipped in the one before is kept."""
        count = self._counts.get(key)
        if count is None or now - count.began_at >= SECONDS:
            count = _Count(now, skipped=count.skipped if count else 0)
            self._counts[key] = count
        self._counts.move_to_end(key)
        while len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
        return count
