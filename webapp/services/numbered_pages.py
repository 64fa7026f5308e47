"""Lists of a few thousand rows, paged by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from webapp.services.list_sizes import PAGE_SIZE

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """The rows of page `number` (from 1); `total` counts the rows of all pages."""

    rows: Sequence[Row]
    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def previous_number(self) -> int | None:
        """The number of the page before, or None."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        """The number of the page after, or None."""
        return self.number + 1 if self.number * self.size < self.total else None

    @property
    def first(self) -> int:
        """The position of the page's first row among all rows, from 1; 0 on an empty page."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The position of the page's last row among all rows."""
        return (self.number - 1) * self.size + len(self.rows)


def clamp_page(number: int, total: int, size: int = PAGE_SIZE) -> int:
    """The page to show for `number`: it is at least 1 and at most the last page."""
    return max(1, min(number, -(-total // size)))
