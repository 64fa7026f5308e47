"""Opening hours: what is open time, over nights, holidays and changes of summer time."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.hours import HoursError
from webapp.domain.triage.opening import (
    OpenTimes,
    due_after,
    periods_text,
    read_open_times,
    read_periods,
)

BERLIN = "Europe/Berlin"
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def week(*days: str, zone: str = BERLIN, holidays: frozenset[date] = frozenset()) -> OpenTimes:
    """Opening hours from Monday on; days that are left out are closed."""
    texts = [*days, *("",) * (7 - len(days))]
    return OpenTimes(zone=zone, days=tuple(map(read_periods, texts)), holidays=holidays)


def workdays(**values: object) -> OpenTimes:
    return week(*["08:00-12:00, 13:00-17:00"] * 5, **values)  # type: ignore[arg-type]


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-06-08T08:00", 30, "2026-06-08T08:30"),
        ("2026-06-08T11:45", 30, "2026-06-08T13:15"),  # over lunch
        ("2026-06-08T12:30", 60, "2026-06-08T14:00"),  # begun while closed
        ("2026-06-08T16:00", 60, "2026-06-08T17:00"),  # up to the very end
        ("2026-06-08T16:30", 60, "2026-06-09T08:30"),
        ("2026-06-12T16:30", 60, "2026-06-15T08:30"),  # over the weekend
        ("2026-06-13T03:00", 8 * 60, "2026-06-15T17:00"),
        ("2026-06-08T08:00", 40 * 60, "2026-06-12T17:00"),
    ],
)
def test_time_counts_while_the_desk_is_open(start: str, minutes: int, due: str) -> None:
    found = due_after(berlin(start), timedelta(minutes=minutes), workdays())
    assert found == berlin(due)


def test_without_opening_hours_every_hour_counts() -> None:
    start = berlin("2026-06-12T16:30")
    assert due_after(start, timedelta(hours=60), None) == start + timedelta(hours=60)


def test_holidays_are_closed() -> None:
    hours = workdays(holidays=frozenset({date(2026, 6, 9), date(2026, 6, 10)}))
    found = due_after(berlin("2026-06-08T16:30"), timedelta(hours=1), hours)
    assert found == berlin("2026-06-11T08:30")


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    nights = week("22:00-06:00", holidays=frozenset({date(2026, 6, 15)}))
    start = berlin("2026-06-09T05:00")  # Tuesday, in Monday's night
    assert due_after(start, timedelta(hours=1), nights) == berlin("2026-06-09T06:00")
    # Monday the 15th is a holiday, the next night is a week later
    assert due_after(start, timedelta(hours=2), nights) == berlin("2026-06-22T23:00")


def test_a_night_and_the_early_hours_of_the_next_day_count_once() -> None:
    hours = week("22:00-06:00", "00:00-08:00")
    start = berlin("2026-06-08T22:00")
    assert due_after(start, timedelta(hours=9), hours) == berlin("2026-06-09T07:00")


@pytest.mark.parametrize(
    ("day", "hours_of_day"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-07", 24)]
)
def test_a_day_is_as_long_as_clocks_make_it(day: str, hours_of_day: int) -> None:
    sundays = week("", "", "", "", "", "", "00:00-24:00")
    begins = berlin(f"{day}T00:00")
    assert due_after(begins, timedelta(hours=hours_of_day), sundays) == begins + timedelta(
        hours=hours_of_day
    )
    one_more = due_after(begins, timedelta(hours=hours_of_day, minutes=1), sundays)
    assert one_more is not None
    assert one_more - begins > timedelta(days=6)


def test_a_period_that_a_clock_leaps_over_is_no_time() -> None:
    hours = week("", "", "", "", "", "", "02:30-03:00")
    begins = berlin("2026-03-29T00:00")  # at 2:00 it is 3:00
    assert due_after(begins, timedelta(minutes=1), hours) == berlin("2026-04-05T02:31")


def test_pauses_do_not_count() -> None:
    start = berlin("2026-06-08T08:00")
    pauses = [
        (berlin("2026-06-08T09:00"), berlin("2026-06-08T14:00")),  # 3 h 59 of it were open
        (berlin("2026-06-01T09:00"), berlin("2026-06-02T14:00")),  # before it began
        (berlin("2026-06-08T13:30"), berlin("2026-06-08T15:00")),  # overlapping
    ]
    assert due_after(start, timedelta(hours=2), workdays(), pauses) == berlin("2026-06-08T16:00")
    assert due_after(start, timedelta(hours=2), None, pauses) == berlin("2026-06-08T16:00")


def test_what_is_never_open_is_never_due() -> None:
    assert due_after(berlin("2026-06-08T08:00"), timedelta(minutes=1), week()) is None


@given(
    start=st.integers(0, 4 * 365 * 24 * 60).map(lambda past: BEGIN + timedelta(minutes=past)),
    minutes=st.integers(1, 5_000),
    more=st.integers(1, 500),
    days=st.lists(
        st.lists(
            st.tuples(st.integers(0, 23), st.integers(0, 23)).map(
                lambda pair: (time(pair[0]), time(pair[1], 30))
            ),
            max_size=3,
        ).map(tuple),
        min_size=7,
        max_size=7,
    ).filter(any),
    zone=st.sampled_from([BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_due_times_keep_the_order_of_targets(
    start: datetime,
    minutes: int,
    more: int,
    days: list[tuple[tuple[time, time], ...]],
    zone: str,
) -> None:
    hours = OpenTimes(zone=zone, days=tuple(days))
    due = due_after(start, timedelta(minutes=minutes), hours)
    later = due_after(start, timedelta(minutes=minutes + more), hours)
    assert due is not None
    assert later is not None
    assert start + timedelta(minutes=minutes) <= due < later
    assert later - due >= timedelta(minutes=more)
    # what is open until then is exactly the target
    spans = list(takewhile(lambda span: span[0] < due, hours.spans_from(start)))
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    passed = sum((min(end, due) - begin for begin, end in spans), timedelta())
    assert passed == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("08:00-17:00", "08:00-17:00"),
        (" 13:00 - 17:00 ,8:00–12:00", "08:00-12:00, 13:00-17:00"),
        ("00:00-24:00", "00:00-24:00"),
        ("22:00-06:00,", "22:00-06:00"),
    ],
)
def test_periods_are_read_as_typed(text: str, shown: str) -> None:
    periods = read_periods(text)
    assert periods_text(periods) == shown
    assert read_periods(shown) == periods


@pytest.mark.parametrize("text", ["8", "8-", "08:00-25:00", "a-b", "24:00-08:00", "1:00-2:00," * 9])
def test_other_periods_are_refused_in_words(text: str) -> None:
    with pytest.raises(HoursError, match=r"write it as|at most 6"):
        read_periods(text)


def test_what_is_stored_is_read_again() -> None:
    hours = workdays(holidays=frozenset({date(2026, 12, 25)}))
    assert read_open_times(hours.as_json()) == hours
    with pytest.raises(HoursError, match="seven days"):
        read_open_times({**hours.as_json(), "days": []})
