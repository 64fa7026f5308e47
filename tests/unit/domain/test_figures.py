"""Days of a zone, durations in words, one period against another."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.domain.figures import (
    Trend,
    compare_durations,
    day_bounds,
    duration_words,
    last_days,
)

BERLIN = ZoneInfo("Europe/Berlin")
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")


def test_the_last_days_end_with_the_day_of_the_zone() -> None:
    now = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
    assert last_days(now, BERLIN, 3) == [date(2026, 6, 7), date(2026, 6, 8), date(2026, 6, 9)]
    assert last_days(now, KIRITIMATI, 1) == [date(2026, 6, 10)]
    assert last_days(datetime(2026, 6, 9, 21, 59, tzinfo=UTC), BERLIN, 1) == [date(2026, 6, 9)]
    assert last_days(datetime(2026, 6, 9, 22, 0, tzinfo=UTC), BERLIN, 1) == [date(2026, 6, 10)]


def test_days_of_summer_time_have_their_own_length() -> None:
    days = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25)]
    assert day_bounds(days[:2], BERLIN) == [
        datetime(2026, 3, 27, 23, tzinfo=UTC),
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
    ]
    begin, end = day_bounds(days[2:], BERLIN)
    assert end - begin == timedelta(hours=25)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (3_660, "1 h 1 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (86_400 * 40 + 59, "40 d"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("current", "previous", "expected"),
    [
        (100, 100, (Trend.SAME, "about the same")),
        (104, 100, (Trend.SAME, "about the same")),
        (96, 100, (Trend.SAME, "about the same")),
        (75, 100, (Trend.FASTER, "25% faster")),
        (0, 100, (Trend.FASTER, "100% faster")),
        (150, 100, (Trend.SLOWER, "50% slower")),
        (199, 100, (Trend.SLOWER, "99% slower")),
        (250, 100, (Trend.SLOWER, "2.5 times as long")),
        (120_000, 100, (Trend.SLOWER, "1,200 times as long")),
        (0, 0, (Trend.SAME, "the same")),
        (10, 0, (Trend.SLOWER, "slower")),
    ],
)
def test_one_duration_against_another(
    current: float, previous: float, expected: tuple[Trend, str]
) -> None:
    assert compare_durations(current, previous) == expected
