"""Planning the cheapest way to fetch missing details with the calls that are free."""

from dataclasses import dataclass
from math import ceil

PAGE_SIZE = 500
RESERVE = 10


def reserve_of(limit: int) -> int:
    """Return how many calls of a window of `limit` are kept free for the next walk.

    It is ten, but at most half the window, so that a small window has calls for details.
    """
    return min(RESERVE, limit // 2)


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """A plan to fetch at most `pages` pages of the list, or at most `singles` single objects."""

    pages: int = 0
    singles: int = 0


def plan_detail_fetch(
    missing: int, *, total: int | None, free_calls: int, reserve: int = RESERVE
) -> FetchPlan:
    """Plan how to fetch `missing` objects with `free_calls`, of which `reserve` stay unused.

    `total` is the length of the list, None where it is unknown. The list is fetched if all its
    pages fit and need fewer calls than single objects. A list of unknown length is tried with one
    page fewer than there are missing objects, as far as calls are free.
    """
    free = max(0, free_calls - reserve)
    if missing == 0 or free == 0:
        return FetchPlan()
    pages = ceil(total / PAGE_SIZE) if total else missing - 1
    if total is not None and pages > free:
        pages = 0
    pages = min(pages, free)
    return FetchPlan(pages=pages) if 0 < pages < missing else FetchPlan(singles=min(missing, free))
