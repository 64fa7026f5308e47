"""Details are fetched the cheapest way, with the calls that are free."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.detail_fetch import PAGE_SIZE, RESERVE, FetchPlan, plan_detail_fetch, reserve_of

ALL_FREE = 50


@pytest.mark.parametrize(
    ("missing", "total", "free_calls", "expected"),
    [
        (0, 1_000, ALL_FREE, FetchPlan()),
        (1, 1, ALL_FREE, FetchPlan(singles=1)),
        (2, 500, ALL_FREE, FetchPlan(pages=1)),
        (2, 501, ALL_FREE, FetchPlan(singles=2)),
        (3, 501, ALL_FREE, FetchPlan(pages=2)),
        (300, 10_000, ALL_FREE, FetchPlan(pages=20)),
        (300, 100_000, ALL_FREE, FetchPlan(singles=40)),
        (5, None, ALL_FREE, FetchPlan(pages=4)),
        (1, None, ALL_FREE, FetchPlan(singles=1)),
        (300, 500, RESERVE, FetchPlan()),
        (300, 500, RESERVE + 1, FetchPlan(pages=1)),
        (300, 501, RESERVE + 1, FetchPlan(singles=1)),
        (5, 500, 0, FetchPlan()),
        (5, 500, -3, FetchPlan()),
    ],
)
def test_plan(missing, total, free_calls, expected):
    assert plan_detail_fetch(missing, total=total, free_calls=free_calls) == expected


@given(
    st.integers(0, 2_000),
    st.one_of(st.none(), st.integers(0, 100_000)),
    st.integers(-5, 60),
)
def test_never_more_calls_than_are_free_or_needed(missing, total, free_calls):
    plan = plan_detail_fetch(missing, total=total, free_calls=free_calls)
    calls = plan.pages + plan.singles
    assert plan.pages == 0 or plan.singles == 0
    assert 0 <= calls <= max(0, free_calls - RESERVE)
    assert calls <= missing
    assert calls > 0 or missing == 0 or free_calls <= RESERVE


@given(st.integers(1, 2_000), st.integers(1, 100_000), st.integers(RESERVE + 1, 60))
def test_a_list_is_taken_only_where_all_of_it_fits_and_is_cheaper(missing, total, free_calls):
    plan = plan_detail_fetch(missing, total=total, free_calls=free_calls)
    whole = ceil(total / PAGE_SIZE)
    assert (plan.pages == whole) == (whole < missing and whole <= free_calls - RESERVE)


@pytest.mark.parametrize(
    ("limit", "reserve"),
    [(1, 0), (4, 2), (10, 5), (19, 9), (20, 10), (49, 10), (50, 10), (600, 10)],
)
def test_a_small_window_has_a_small_reserve(limit: int, reserve: int) -> None:
    assert reserve_of(limit) == reserve


def test_the_reserve_is_what_is_left() -> None:
    assert plan_detail_fetch(3, total=None, free_calls=4, reserve=2) == FetchPlan(pages=2)
    assert plan_detail_fetch(3, total=None, free_calls=2, reserve=2) == FetchPlan()
    assert plan_detail_fetch(1, total=None, free_calls=10, reserve=0) == FetchPlan(singles=1)
