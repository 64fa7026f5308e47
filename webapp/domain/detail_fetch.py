"""The cheapest way to fetch what is missing, with the calls that are free."""

from dataclasses import dataclass
from math import ceil

PAGE_SIZE = 500
RESERVE = 10


def reserve_of(limit: int) -> int:
    """Calls of a window of `limit` that details never use: the next walk must not wait for them.

    Ten, but never more than a fifth: of a small window enough is left for details.
    """
    return min(RESERVE, limit // 5)


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """At most `pages` pages of the list, or at most `singles` single objects."""

    pages: int = 0
    singles: int = 0


def plan_detail_fetch(
    missing: int, *, total: int | None, free_calls: int, reserve: int = RESERVE
) -> FetchPlan:
    """How to fetch `missing` objects of `total` (None: unknown) with `free_calls`, less `reserve`.

    The list is taken when it needs fewer calls than one for each, and when all of it fits; of a
    list of unknown length as many pages as singles would cost are tried.
    """
    free = max(0, free_calls - reserve)
    if missing == 0 or free == 0:
        return FetchPlan()
    pages = ceil(total / PAGE_SIZE) if total else missing - 1
    if total is not None and pages > free:
        pages = 0
    pages = min(pages, free)
    return FetchPlan(pages=pages) if 0 < pages < missing else FetchPlan(singles=min(missing, free))
