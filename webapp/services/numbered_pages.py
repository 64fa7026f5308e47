"""Lists of a few thousand rows, by page number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from webapp.services.list_sizes import PAGE_SIZE

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """The rows of page `number` (from 1), of `total` rows on all pages."""

    rows: Sequence[Row]
    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def previous_number(self) -> int | None:
        """The page before, if there is one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next_number(self) -> int | None:
        """The page after, if there is one."""
        return self.number + 1 if self.number * self.size < self.total else None

    @property
    def first(self) -> int:
        """The number of its first row among all."""
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of its last row among all."""
        return (self.number - 1) * self.size + len(self.rows)


def clamp_page(number: int, total: int, size: int = PAGE_SIZE) -> int:
    """The page that is shown for `number`: the last one where there are fewer."""
    return max(1, min(number, -(-total // size)))
