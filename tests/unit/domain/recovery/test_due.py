"""When a backup is due, overdue or failed."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.recovery.due import (
    BackupState as State,
)
from webapp.domain.recovery.due import (
    DailyTime,
    MadeBackup,
    has_failed_last,
    is_backup_due,
    is_overdue,
    newest_good,
    parse_daily_time,
)

MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
AT = DailyTime(time(2))
HOUR = timedelta(hours=1)


def good(started_at: datetime) -> MadeBackup:
    return MadeBackup(State.COMPLETED, started_at, started_at + timedelta(minutes=5), None, True)


def test_times_of_day_as_they_are_typed() -> None:
    assert parse_daily_time("02:00") == DailyTime(time(2), "UTC")
    assert parse_daily_time(" 9:30  Europe/Berlin ") == DailyTime(time(9, 30), "Europe/Berlin")
    for wrong in ("", "24:00", "2", "02:60", "02:00 Nowhere/Land", "02:00 ../etc/passwd", "٠٢:٠٠"):
        assert parse_daily_time(wrong) is None, wrong
    assert str(DailyTime()) == "02:00 UTC"


def test_a_day_begins_where_the_zone_says() -> None:
    berlin = DailyTime(time(2, 30), "Europe/Berlin")
    spring = datetime(2026, 3, 29, 12, tzinfo=UTC)  # 02:30 does not exist there
    assert berlin.last_before(spring) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert AT.last_before(NOW) == datetime(2026, 11, 3, 2, tzinfo=UTC)
    assert AT.last_before(datetime(2026, 11, 3, 1, 59, tzinfo=UTC)).day == 2
    assert AT.last_before(datetime(2026, 11, 3, 2, tzinfo=UTC)).day == 3
    assert AT.next_after(datetime(2026, 11, 3, 2, tzinfo=UTC)).day == 4


@given(
    MOMENTS,
    st.times(),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"]),
)
def test_the_last_time_is_never_more_than_a_long_day_ago(
    now: datetime, at: time, zone: str
) -> None:
    daily = DailyTime(at.replace(second=0, microsecond=0), zone)
    last, following = daily.last_before(now), daily.next_after(now)
    assert timedelta(0) <= now - last <= timedelta(hours=25)
    assert timedelta(0) < following - now <= timedelta(hours=25)


@pytest.mark.parametrize(
    ("made", "is_due"),
    [
        ([], True),
        ([good(NOW - 9 * HOUR)], False),
        ([good(NOW - 11 * HOUR)], True),
        ([good(NOW + 5 * HOUR)], True),  # by a clock that was wrong
        (
            [MadeBackup(State.RUNNING, NOW - 3 * HOUR, beat_at=NOW - timedelta(seconds=30))],
            False,
        ),
        (
            [MadeBackup(State.RUNNING, NOW - 3 * HOUR, beat_at=NOW - timedelta(minutes=6))],
            True,
        ),
        ([MadeBackup(State.RUNNING, NOW - timedelta(minutes=1))], False),
        ([MadeBackup(State.FAILED, NOW - 2 * HOUR, NOW - timedelta(minutes=50))], False),
        ([MadeBackup(State.FAILED, NOW - 3 * HOUR, NOW - timedelta(minutes=61))], True),
        ([MadeBackup(State.INTERRUPTED, NOW - HOUR / 2, NOW - HOUR / 3)], True),
        ([MadeBackup(State.INTERRUPTED, NOW - HOUR / 2, NOW - HOUR / 3)] * 3, False),
        ([MadeBackup(State.INTERRUPTED, NOW - 5 * HOUR, NOW - 4 * HOUR)] * 3, True),
        ([MadeBackup(State.COMPLETED, NOW - HOUR)], True),  # nobody has looked into it
    ],
)
def test_what_is_due(made: list[MadeBackup], is_due: bool) -> None:
    assert is_backup_due(made, AT, NOW) is is_due


def test_overdue_and_failed() -> None:
    assert is_overdue([], NOW)
    assert newest_good([]) is None
    assert not is_overdue([good(NOW - 26 * HOUR)], NOW)
    assert is_overdue([good(NOW - 27 * HOUR)], NOW)
    failed = MadeBackup(State.FAILED, NOW - HOUR)
    assert has_failed_last([good(NOW - 2 * HOUR), failed])
    assert not has_failed_last([good(NOW), failed])
    assert not has_failed_last([good(NOW - HOUR), MadeBackup(State.INTERRUPTED, NOW)])
    unchecked = MadeBackup(State.COMPLETED, NOW)
    assert not has_failed_last([unchecked, good(NOW - HOUR)])
    assert is_backup_due([unchecked], DailyTime(), NOW)
    assert not has_failed_last([])
