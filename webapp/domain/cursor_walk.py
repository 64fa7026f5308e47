"""Walking a connection's incident reports, newest first, without losing a row.

Huntress has no "updated since" filter. New activity is found by listing reports by `updated_at`,
newest first, until a page ends below the low boundary. `CursorWalk` decides which page comes next,
which rows of a page count, and where the cursor is after a complete walk. It fetches nothing
itself; the caller gives it one `Page` after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from webapp.domain.untrusted import parse_time

OVERLAP = timedelta(seconds=60)
"""How far below the cursor a walk reaches, because page tokens only have whole seconds."""

MAX_EMPTY_PAGES = 100
"""The most empty pages in a row, each with a new token; with more the list counts as endless."""


class WalkError(Exception):
    """The list cannot be walked to its end; the message says why, in words for an admin."""


class RepeatedTokenError(WalkError):
    """A page token was repeated, so that following it would never end."""


class EndlessListError(WalkError):
    """More than MAX_EMPTY_PAGES pages in a row came without a row."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as it was answered.

    `next_token` is None on the last page. `answered_at` is the answer's `Date` header (UTC), or
    the time of the request where there was none.
    """

    rows: tuple[object, ...]
    next_token: str | None
    answered_at: datetime


def low_boundary(cursor: datetime | None, *, now: datetime, backfill_days: int) -> datetime:
    """Return the oldest `updated_at` (UTC) that a walk must reach.

    It is OVERLAP before the cursor, or `backfill_days` before `now` where there is no cursor.
    """
    if cursor is None:
        return now - timedelta(days=backfill_days)
    return cursor - OVERLAP


class ListWalk:
    """One walk through a whole list.

    While it is not `is_finished`, the caller fetches the page of `next_token` (None is the first
    page) and gives it to `take`, which returns the rows to collect. A repeated token raises only
    after the rows before it were returned, so no delivered row is lost.
    """

    def __init__(self) -> None:
        self.next_token: str | None = None
        self.is_finished = False
        self.pages = 0
        self._taken: set[str | None] = set()
        self._empty_pages = 0

    def take(self, page: Page) -> list[object]:
        """Take `page` and return its rows.

        Raises WalkError when the list repeats a token or has no end.
        """
        self._arrive()
        self._go_on(page)
        return list(page.rows)

    def _arrive(self) -> None:
        if self.next_token in self._taken:
            raise RepeatedTokenError("Huntress repeated a page token, so its list would never end.")
        self._taken.add(self.next_token)
        self.pages += 1

    def _go_on(self, page: Page) -> None:
        """Set where the list continues after `page`, or that it has ended."""
        self._empty_pages = 0 if page.rows else self._empty_pages + 1
        if page.next_token is None:
            self.is_finished = True
            return
        if self._empty_pages > MAX_EMPTY_PAGES:
            raise EndlessListError(
                f"Huntress answered {self._empty_pages} empty pages in a row, each with a next one."
            )
        self.next_token = page.next_token


class CursorWalk(ListWalk):
    """One walk from the newest report down to `low`.

    `take` returns the rows in the window. After the last page `cursor` is the new cursor.
    """

    def __init__(self, *, low: datetime, cursor: datetime | None) -> None:
        super().__init__()
        self.low = low
        self._cursor_before = cursor
        self._first_page_newest: datetime | None = None
        self._last_time: datetime | None = None

    @property
    def cursor(self) -> datetime:
        """The cursor (UTC) after this walk; it never moves back.

        It is the newest `updated_at` of the *first* page that is not later than the answer's
        `Date`. The next walk therefore finds rows again that change while this walk runs.
        """
        candidates = [self._cursor_before, self._first_page_newest]
        return max((time for time in candidates if time is not None), default=self.low)

    def take(self, page: Page) -> list[object]:
        """Take `page` and return its rows that are in the window or have no usable time.

        Raises WalkError when the list repeats a token or has no end.
        """
        self._arrive()
        times = [_row_time(row) for row in page.rows]
        usable = [time for time in times if time is not None and time <= page.answered_at]
        if self.pages == 1:
            self._first_page_newest = max(usable, default=None)
        rows = [
            row
            for row, time in zip(page.rows, times, strict=True)
            if time is None or time >= self.low
        ]
        has_ended = self._reaches_below(usable)
        self._last_time = usable[-1] if usable else self._last_time
        if has_ended:
            self.is_finished = True
        else:
            self._go_on(page)
        return rows

    def _reaches_below(self, usable: list[datetime]) -> bool:
        """Whether the page ends below the boundary; False for a page that is out of order."""
        if not usable or usable[-1] >= self.low:
            return False
        seen = usable if self._last_time is None else [self._last_time, *usable]
        return all(earlier >= later for earlier, later in pairwise(seen))


def _row_time(row: object) -> datetime | None:
    return parse_time(row.get("updated_at")) if isinstance(row, Mapping) else None
