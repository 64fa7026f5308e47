"""Hours of a week: what lies in them, when they end and begin, when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.hours import (
    EVERY_DAY,
    Hours,
    HoursError,
    read_holidays,
    read_hours,
    read_time,
    read_zone,
)

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(zone="Europe/Berlin", begins=time(8), ends=time(18), weekdays=(0, 1, 2, 3, 4))
NIGHT = Hours(zone="Europe/Berlin", begins=time(22), ends=time(7), skips_holidays=False)
FRIDAY = date(2026, 3, 6)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "moment", "is_in"),
    [
        (OFFICE, at(FRIDAY, 8), True),
        (OFFICE, at(FRIDAY, 7, 59), False),
        (OFFICE, at(FRIDAY, 17, 59), True),
        (OFFICE, at(FRIDAY, 18), False),
        (OFFICE, at(FRIDAY + timedelta(days=1), 12), False),
        (NIGHT, at(FRIDAY, 21, 59), False),
        (NIGHT, at(FRIDAY, 22), True),
        (NIGHT, at(FRIDAY + timedelta(days=1), 0), True),
        (NIGHT, at(FRIDAY, 6, 59), True),
        (NIGHT, at(FRIDAY, 7), False),
    ],
)
def test_what_lies_in_them(hours: Hours, moment: datetime, is_in: bool) -> None:
    assert hours.contain(moment) is is_in
    assert hours.contain(moment.astimezone(UTC)) is is_in


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = Hours(zone="Europe/Berlin", begins=time(22), ends=time(7), weekdays=(4,))
    assert friday_night.contain(at(FRIDAY + timedelta(days=1), 3))
    assert not friday_night.contain(at(FRIDAY, 3))


def test_a_holiday_belongs_to_no_weekday_unless_it_does_not_matter() -> None:
    assert not OFFICE.contain(at(FRIDAY, 12), {FRIDAY})
    assert NIGHT.contain(at(FRIDAY, 23), {FRIDAY})
    monday = at(FRIDAY + timedelta(days=3), 8)
    assert OFFICE.next_begin(at(FRIDAY, 6), {FRIDAY}) == monday


def test_when_they_begin_next() -> None:
    assert OFFICE.next_begin(at(FRIDAY, 12)) == at(FRIDAY, 12), "they are now"
    assert OFFICE.next_begin(at(FRIDAY, 3)) == at(FRIDAY, 8)
    assert OFFICE.next_begin(at(FRIDAY, 18)) == at(FRIDAY + timedelta(days=3), 8)
    always_off = {FRIDAY + timedelta(days=one) for one in range(-1, 500)}
    with pytest.raises(HoursError, match="never begin"):
        OFFICE.next_begin(at(FRIDAY, 3), always_off)


def test_when_they_end() -> None:
    assert NIGHT.end_after(at(FRIDAY, 23)) == at(FRIDAY + timedelta(days=1), 7)
    assert NIGHT.end_after(at(FRIDAY, 12)) is None


def test_hours_that_follow_without_a_gap_belong_together() -> None:
    weekend = Hours(zone="Europe/Berlin", begins=time(0), ends=time(0), weekdays=(5, 6))
    saturday = FRIDAY + timedelta(days=1)
    assert weekend.end_after(at(saturday, 12)) == at(FRIDAY + timedelta(days=3), 0)


def test_when_clocks_go_forward_the_night_is_an_hour_shorter() -> None:
    eve = date(2026, 3, 28)
    end = NIGHT.end_after(at(eve, 22))
    assert end == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert end - at(eve, 22).astimezone(UTC) == timedelta(hours=8)


def test_when_clocks_go_back_the_night_is_an_hour_longer() -> None:
    eve = date(2026, 10, 24)
    end = NIGHT.end_after(at(eve, 22))
    assert end == datetime(2026, 10, 25, 6, tzinfo=UTC)
    assert end - at(eve, 22).astimezone(UTC) == timedelta(hours=10)


def test_hours_that_begin_at_a_time_which_clocks_skip_begin_all_the_same() -> None:
    early = Hours(zone="Europe/Berlin", begins=time(2, 30), ends=time(9))
    begins = early.next_begin(at(date(2026, 3, 29), 1))
    assert begins == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert early.contain(begins)


MOMENTS = st.integers(0, 3 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
ANY_HOURS = st.builds(
    Hours,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    begins=TIMES,
    ends=TIMES,
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
)


@given(ANY_HOURS, MOMENTS)
def test_they_begin_when_they_say_and_not_before(hours: Hours, moment: datetime) -> None:
    begins = hours.next_begin(moment)
    assert begins >= moment
    assert hours.contain(begins) or hours.begins == hours.ends or _is_swallowed(hours, begins)
    if begins > moment:
        assert not hours.contain(begins - timedelta(seconds=1)) or begins - moment < timedelta(
            seconds=1
        )


def _is_swallowed(hours: Hours, begins: datetime) -> bool:
    """Whether clocks that go forward skip the whole of these short hours."""
    zone = ZoneInfo(hours.zone)
    before, after = (begins + timedelta(hours=one) for one in (-3, 3))
    return before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()


@given(ANY_HOURS, MOMENTS)
def test_they_hold_until_their_end(hours: Hours, moment: datetime) -> None:
    end = hours.end_after(moment)
    assert (end is not None) == hours.contain(moment)
    if end is not None:
        assert end > moment
        always = hours.weekdays == EVERY_DAY and hours.begins == hours.ends
        assert always or not hours.contain(end) or _is_swallowed(hours, end)


@given(ANY_HOURS)
def test_they_are_stored_and_read(hours: Hours) -> None:
    assert read_hours(hours.as_json()) == hours


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"zone": "Atlantis/City", "begins": "08:00", "ends": "09:00"}, "no time zone"),
        ({"zone": "../etc", "begins": "08:00", "ends": "09:00"}, "no time zone"),
        ({"zone": "UTC", "begins": "8 am", "ends": "09:00"}, "no time of day"),
        ({"zone": "UTC", "begins": "08:00", "ends": ""}, "no time of day"),
        ({"zone": "UTC", "begins": "08:00", "ends": "09:00", "weekdays": []}, "one weekday"),
        ({"zone": "UTC", "begins": "08:00", "ends": "09:00", "weekdays": [7]}, "one weekday"),
    ],
)
def test_hours_that_cannot_be(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(HoursError, match=sentence):
        read_hours(values)


def test_no_hours_stay_none() -> None:
    assert read_hours(None) is None
    assert read_hours({}) is None


def test_times_zones_and_holidays_are_read() -> None:
    assert read_time(" 07:30 ") == time(7, 30)
    assert read_zone("UTC") == "UTC"
    assert read_holidays(["2026-12-25", "2026-12-25"]) == {date(2026, 12, 25)}
    with pytest.raises(HoursError, match="2026-12-25"):
        read_holidays(["25.12.2026"])
