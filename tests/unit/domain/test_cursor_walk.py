"""The walk: worked examples, and lists of every shape against what they hold."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import by_name, load_cases
from tests.support.json_values import any_json
from webapp.domain.cursor_walk import (
    MAX_EMPTY_PAGES,
    OVERLAP,
    CursorWalk,
    EndlessListError,
    ListWalk,
    Page,
    RepeatedTokenError,
    WalkError,
    low_boundary,
)
from webapp.domain.untrusted import parse_time

CASES = load_cases("cursor_walk")
NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
CURSOR = NOW - timedelta(hours=1)
LOW = CURSOR - OVERLAP


def written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def walk_all(walk: ListWalk, pages: dict[str | None, Page]) -> list[Any]:
    """Follow the walk to its end through `pages`, by token."""
    rows: list[Any] = []
    while not walk.is_finished:
        rows += walk.take(pages[walk.next_token])
    return rows


# Worked examples


@pytest.mark.parametrize("case", by_name(CASES["cases"]))
def test_worked_example(case):
    answered_at = parse_time(case.get("date_header", CASES["now"]))
    pages = {
        None if token == "first" else token: Page(tuple(page["rows"]), page["next"], answered_at)
        for token, page in case["pages"].items()
    }
    cursor = parse_time(case["cursor"])
    low = low_boundary(
        cursor, now=parse_time(CASES["now"]), backfill_days=case.get("backfill_days", 7)
    )
    walk = CursorWalk(low=low, cursor=cursor)
    fetches, rows = 0, []
    error = None
    while not walk.is_finished and error is None:
        fetches += 1
        try:
            rows += walk.take(pages[walk.next_token])
        except WalkError as raised:
            error = raised
    assert (error is not None) == case.get("expect_error", False)
    assert fetches <= case.get("expect_fetches_at_most", fetches)
    assert fetches == case.get("expect_fetches", fetches)
    ids = sorted({row["id"] for row in rows})
    expected = case.get("expect_ids", case.get("expect_ids_any_order"))
    assert expected is None or ids == sorted(expected)
    if "expect_cursor" in case:
        assert walk.cursor == parse_time(case["expect_cursor"])


# Lists of every shape


@dataclass(frozen=True, slots=True)
class Listed:
    """A whole list as pages by token, and its rows with their ids in order."""

    pages: dict[str | None, Page]
    rows: list[dict[str, Any]]


# Around the low boundary, in seconds from it; None has no usable time, 2099 lies ahead of now.
offsets = st.one_of(
    st.integers(-5, 5), st.integers(-4_000, 3_660), st.sampled_from([-7_200, 0, 3_660])
)
moments = offsets.map(lambda seconds: written(LOW + timedelta(seconds=seconds)))
unusable = st.sampled_from([None, "", "soon", 7, ["2026-06-09T12:00:00Z"]])
ahead = st.sampled_from(["2099-01-01T00:00:00Z", written(NOW + timedelta(seconds=1))])
page_sizes = st.lists(st.integers(0, 4), min_size=1, max_size=12)


def paged(values: list[Any], sizes: list[int]) -> Listed:
    """Cut a list into pages of `sizes`, the last one taking what is left."""
    rows = [{"id": number, "updated_at": value} for number, value in enumerate(values)]
    pages: dict[str | None, Page] = {}
    token, start = None, 0
    for number, size in enumerate(sizes):
        is_last = number == len(sizes) - 1
        end = len(rows) if is_last else start + size
        following = None if is_last else f"page {number + 1}"
        pages[token] = Page(tuple(rows[start:end]), following, NOW)
        token, start = following, end
    return Listed(pages, rows)


@st.composite
def ordered_lists(draw: st.DrawFn) -> Listed:
    """Newest first as Huntress promises, with unusable times anywhere between."""
    values: list[Any] = sorted(draw(st.lists(moments, max_size=20)), reverse=True)
    values = draw(st.lists(ahead, max_size=2)) + values
    for value in draw(st.lists(unusable, max_size=4)):
        values.insert(draw(st.integers(0, len(values))), value)
    return paged(values, draw(page_sizes))


unordered_lists = st.builds(
    paged, st.lists(st.one_of(moments, unusable, ahead), max_size=20), page_sizes
)


def in_window(row: dict[str, Any]) -> bool:
    time = parse_time(row["updated_at"])
    return time is None or time >= LOW


@given(ordered_lists())
def test_every_row_in_the_window_of_an_ordered_list_is_returned_once(listed):
    rows = walk_all(CursorWalk(low=LOW, cursor=CURSOR), listed.pages)
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert all(in_window(row) for row in rows)
    dated = [row["id"] for row in listed.rows if in_window(row) and parse_time(row["updated_at"])]
    assert set(dated) <= set(ids)
    # A row without a time has no place: it is returned if it comes before the walk's last page end.
    last = max(
        (row["id"] for row in listed.rows if in_window(row) and parse_time(row["updated_at"])),
        default=-1,
    )
    assert {row["id"] for row in listed.rows if row["id"] < last and in_window(row)} <= set(ids)


@given(ordered_lists())
def test_an_ordered_list_is_not_read_further_than_one_page_below_the_window(listed):
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    walk_all(walk, listed.pages)
    fetched = list(listed.pages.values())[: walk.pages]
    for page in fetched[:-1]:
        times = [parse_time(row["updated_at"]) for row in page.rows]
        usable = [time for time in times if time is not None and time <= NOW]
        assert not usable or usable[-1] >= LOW


@given(unordered_lists)
def test_no_list_makes_the_walk_leave_out_a_row_of_a_page_it_saw(listed):
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    rows = walk_all(walk, listed.pages)
    seen = [row for page in list(listed.pages.values())[: walk.pages] for row in page.rows]
    assert rows == [row for row in seen if in_window(row)]


@given(unordered_lists)
def test_a_page_out_of_order_never_ends_the_walk(listed):
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    walk_all(walk, listed.pages)
    if walk.pages < len(listed.pages):
        last = list(listed.pages.values())[walk.pages - 1]
        times = [parse_time(row["updated_at"]) for row in last.rows]
        usable = [time for time in times if time is not None and time <= NOW]
        assert usable == sorted(usable, reverse=True)
        assert usable[-1] < LOW


@given(unordered_lists, st.sampled_from([None, CURSOR, NOW, NOW - timedelta(days=2)]))
def test_the_cursor_is_the_newest_of_the_first_page_and_never_moves_back(listed, cursor):
    low = low_boundary(cursor, now=NOW, backfill_days=7)
    walk = CursorWalk(low=low, cursor=cursor)
    walk_all(walk, listed.pages)
    first = listed.pages[None]
    times = [parse_time(row["updated_at"]) for row in first.rows]
    newest = max((time for time in times if time is not None and time <= NOW), default=None)
    assert walk.cursor == max(filter(None, [cursor, newest]), default=low)
    assert walk.cursor <= NOW
    assert cursor is None or walk.cursor >= cursor


@given(
    st.lists(st.one_of(st.lists(any_json, max_size=3), st.none()), min_size=1, max_size=6),
    st.booleans(),
)
def test_rows_that_are_no_reports_are_handed_on_and_end_nothing(pages, is_dated):
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    rows = [tuple(page or [{"updated_at": [1]}]) for page in pages]
    by_token = {
        (None if number == 0 else str(number)): Page(
            content, None if number == len(rows) - 1 else str(number + 1), NOW
        )
        for number, content in enumerate(rows)
    }
    assert len(walk_all(walk, by_token)) == sum(map(len, rows))
    assert walk.cursor >= CURSOR


@given(ordered_lists(), st.data())
def test_a_row_that_changes_during_the_walk_is_met_by_the_next_one(listed, data):
    """It moves to the top, out of this walk's way: the cursor stays below it."""
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    walk_all(walk, listed.pages)
    later = NOW + timedelta(minutes=5)
    changed_at = NOW + timedelta(seconds=data.draw(st.integers(0, 300)))
    moved = {"id": "moved", "updated_at": written(changed_at)}
    low = low_boundary(walk.cursor, now=later, backfill_days=7)
    following = CursorWalk(low=low, cursor=walk.cursor)
    assert moved in following.take(Page((moved, *listed.rows), None, later))


def test_rows_that_share_the_cursors_second_are_met_again():
    at_cursor = {"id": 1, "updated_at": written(CURSOR)}
    walk = CursorWalk(low=low_boundary(CURSOR, now=NOW, backfill_days=7), cursor=CURSOR)
    assert walk.take(Page((at_cursor,), None, NOW)) == [at_cursor]


def test_a_backlog_of_thousands_has_no_page_cap():
    values = [written(NOW - timedelta(seconds=second // 10)) for second in range(20_000)]
    listed = paged(values, [500] * 40)
    walk = CursorWalk(low=NOW - timedelta(days=7), cursor=None)
    assert len(walk_all(walk, listed.pages)) == 20_000
    assert walk.pages == 40


# Lists without an end


def loop(*tokens: str) -> dict[str | None, Page]:
    """A list whose pages follow each other as named, the last one leading to a known one."""
    here: list[str | None] = [None, *tokens[:-1]]
    return {
        token: Page(({"id": token, "updated_at": written(NOW)},), following, NOW)
        for token, following in zip(here, tokens, strict=True)
    }


@pytest.mark.parametrize("tokens", [("a", "a"), ("a", "b", "a"), ("a", "b", "c", "c")])
@pytest.mark.parametrize("walk", [ListWalk, lambda: CursorWalk(low=LOW, cursor=CURSOR)])
def test_a_repeated_token_ends_the_walk_and_costs_no_row(tokens, walk):
    walk, pages, rows = walk(), loop(*tokens), []
    for _ in pages:
        rows += walk.take(pages[walk.next_token])
    with pytest.raises(RepeatedTokenError):
        walk.take(pages[walk.next_token])
    assert [row["id"] for row in rows] == list(pages)
    assert not walk.is_finished


def test_a_repeated_token_below_the_window_does_not_matter():
    old = {"updated_at": written(LOW - timedelta(seconds=1))}
    walk = CursorWalk(low=LOW, cursor=CURSOR)
    walk.take(Page(({"updated_at": written(NOW)},), "a", NOW))
    walk.take(Page((old,), "a", NOW))
    assert walk.is_finished


@pytest.mark.parametrize("walk", [ListWalk, lambda: CursorWalk(low=LOW, cursor=CURSOR)])
def test_empty_pages_without_end_are_an_error(walk):
    walk = walk()
    for number in range(MAX_EMPTY_PAGES):
        walk.take(Page((), str(number), NOW))
    with pytest.raises(EndlessListError):
        walk.take(Page((), "one more", NOW))


def test_empty_pages_are_counted_in_a_row_only():
    walk = ListWalk()
    for number in range(10 * MAX_EMPTY_PAGES):
        walk.take(Page((1,) if number % MAX_EMPTY_PAGES == 0 else (), str(number), NOW))
    assert not walk.is_finished


# Whole lists and boundaries


@given(unordered_lists)
def test_a_whole_list_is_walked_whole_whatever_its_times(listed):
    walk = ListWalk()
    assert walk_all(walk, listed.pages) == listed.rows
    assert walk.pages == len(listed.pages)


@pytest.mark.parametrize(
    ("cursor", "days", "expected"),
    [
        (CURSOR, 7, CURSOR - timedelta(seconds=60)),
        (None, 7, NOW - timedelta(days=7)),
        (None, 30, NOW - timedelta(days=30)),
    ],
)
def test_low_boundary(cursor, days, expected):
    assert low_boundary(cursor, now=NOW, backfill_days=days) == expected
