"""The walk of the daily proof: every incident of the last days, newest id first.

Ids never change, so that no row moves between pages, and no two rows are tied: what the walk of the
polls could miss, this one lists.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

from webapp.domain.cursor_walk import ListWalk, Page
from webapp.domain.plan import usable_time
from webapp.domain.untrusted import parse_id, parse_time

OLD_ROWS_THAT_END_IT = 20
"""So many rows in a row that are too old end the walk: a few may stand out of their time."""

_TIMES = ("updated_at", "sent_at", "status_updated_at", "closed_at")


class ProofWalk(ListWalk):
    """One walk by descending id down to the incidents whose newest time lies before `low` (UTC).

    A list that does not keep the order of ids is walked to its end.
    """

    def __init__(self, *, low: datetime) -> None:
        super().__init__()
        self.low = low
        self._is_in_order = True
        self._last_id: int | None = None
        self._old_in_a_row = 0

    def take(self, page: Page) -> list[object]:
        """Take `page` and return its rows that are not too old; rows without a time count.

        Raises WalkError when the list repeats a token or has no end.
        """
        self._arrive()
        are_old = [self._is_old(row, page.answered_at) for row in page.rows]
        self._check_order(page)
        for is_old in are_old:
            self._old_in_a_row = self._old_in_a_row + 1 if is_old else 0
        if self._old_in_a_row >= OLD_ROWS_THAT_END_IT and self._is_in_order:
            self.is_finished = True
        else:
            self._go_on(page)
        return [row for row, is_old in zip(page.rows, are_old, strict=True) if not is_old]

    def _is_old(self, row: object, now: datetime) -> bool:
        fields = row if isinstance(row, Mapping) else {}
        times = [usable_time(parse_time(fields.get(name)), now) for name in _TIMES]
        newest = max((time for time in times if time is not None), default=None)
        return newest is not None and newest < self.low

    def _check_order(self, page: Page) -> None:
        ids = [_number(row) for row in page.rows]
        numbers = [one for one in [self._last_id, *ids] if one is not None]
        if any(earlier < later for earlier, later in pairwise(numbers)):
            self._is_in_order = False
        self._last_id = numbers[-1] if numbers else None


def _number(row: object) -> int | None:
    key = parse_id(row.get("id")) if isinstance(row, Mapping) else None
    return int(key) if key is not None and key.isdecimal() else None
