"""Until when a ticket waits, why it is closed, and months."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webapp.domain.triage.close_reasons import CloseReason, LeftAtHuntress, parse_reason
from webapp.domain.triage.months import (
    last_months,
    month_bounds,
    month_of_day,
    parse_month,
    shift_month,
)
from webapp.domain.triage.waiting import WaitChoice, WaitError, check_wait, wait_until

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # in Berlin it is Sunday, summer time ends


@pytest.mark.parametrize(
    ("choice", "typed", "until"),
    [
        (WaitChoice.TOMORROW, "", datetime(2026, 10, 26, 8, tzinfo=UTC)),
        (WaitChoice.DAYS, "never read", datetime(2026, 10, 28, 8, tzinfo=UTC)),
        (WaitChoice.DATE, "2026-10-25T14:30", datetime(2026, 10, 25, 13, 30, tzinfo=UTC)),
        (WaitChoice.DATE, " 2026-12-24 14:30 ", datetime(2026, 12, 24, 13, 30, tzinfo=UTC)),
        (WaitChoice.DATE, "2026-12-24", datetime(2026, 12, 24, 8, tzinfo=UTC)),
        (WaitChoice.DATE, "2026-12-24T14:30Z", datetime(2026, 12, 24, 14, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_those_of_the_viewers_zone(
    choice: WaitChoice, typed: str, until: datetime
) -> None:
    assert wait_until(choice, typed, NOW, BERLIN) == until


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter the day and time"),
        ("tomorrow", "Enter the day and time"),
        ("2026-10-24T22:00", "is over"),
        ("2027-12-24T14:30", "for a year"),
        ("9999-12-31T23:59-12:00", "for a year"),
    ],
)
def test_other_moments_are_refused_in_words(typed: str, words: str) -> None:
    with pytest.raises(WaitError, match=words):
        wait_until(WaitChoice.DATE, typed, NOW, BERLIN)


def test_a_moment_lies_ahead() -> None:
    check_wait(NOW + timedelta(seconds=1), NOW)
    with pytest.raises(WaitError):
        check_wait(NOW, NOW)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (LeftAtHuntress(), ""),
        (LeftAtHuntress(steps_total=4), ""),
        (LeftAtHuntress(is_open=True), "the incident is open at Huntress"),
        (LeftAtHuntress(steps_left=1, steps_total=1), "1 of 1 step there is not done"),
        (LeftAtHuntress(steps_left=1, steps_total=4), "1 of 4 steps there is not done"),
        (
            LeftAtHuntress(is_open=True, steps_left=2, steps_total=0),
            "the incident is open at Huntress, 2 of 2 steps there are not done",
        ),
    ],
)
def test_what_is_left_is_said_in_words(left: LeftAtHuntress, words: str) -> None:
    assert left.words == words
    assert left.asks == bool(words)


def test_reasons_are_known_by_their_words() -> None:
    assert [one.words for one in CloseReason] == [
        "done in the portal",
        "accepted risk",
        "false positive",
        "duplicate",
        "other",
    ]
    assert all(parse_reason(one.value) is one for one in CloseReason)
    assert parse_reason("OTHER") is parse_reason("") is parse_reason(None) is None


def test_months_of_a_zone() -> None:
    months = last_months(date(2026, 2, 28), 4)
    assert months == [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert month_of_day(date(2026, 2, 28)) == months[-1]
    assert shift_month(months[-1], -14) == date(2024, 12, 1)
    assert month_bounds([date(2026, 3, 1)], BERLIN) == [
        datetime(2026, 2, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
    ]
    assert parse_month("2026-03") == date(2026, 3, 1)
    for text in (None, "", "2026-3", "2026-13", "2026-03-01", "0001-01", "9999-12", "2026-W1"):
        assert parse_month(text) is None
