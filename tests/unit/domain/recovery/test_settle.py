"""Ticket numbers after a restore, and what is said of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.recovery.settle import (
    RATE_DAYS,
    full_moment,
    outside_note,
    pause_words,
    raise_number,
)

TAKEN = datetime(2026, 11, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "lately", "days", "raised"),
    [
        (0, 0, 0, 100_000),
        (4321, 0, 1, 105_000),
        (4321, 2800, 10, 105_000),
        (5000, 2_800_000, 2, 605_000),
        (7, 10, -3, 101_000),  # a clock that was set back
    ],
)
def test_numbers_go_on_far_beyond(last: int, lately: int, days: int, raised: int) -> None:
    found = raise_number(
        last, created_lately=lately, taken_at=TAKEN, restored_at=TAKEN + timedelta(days=days)
    )
    assert found == raised


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.floats(0, 60))
def test_thrice_the_usual_rate_fits_in_between(last: int, lately: int, days: float) -> None:
    restored = TAKEN + timedelta(days=days)
    found = raise_number(last, created_lately=lately, taken_at=TAKEN, restored_at=restored)
    assert found - last >= max(100_000, round(3 * lately / RATE_DAYS * days) - 1)
    assert found % 1000 == 0


def test_words() -> None:
    assert full_moment(TAKEN) == "Tuesday 02:00 UTC (3 November 2026)"
    assert pause_words(TAKEN) == (
        "Restored from Tuesday 02:00 UTC (3 November 2026): look, then resume."
    )
    assert pause_words(TAKEN, "Holidays").endswith(" It was paused before: Holidays")
    note = outside_note(TAKEN, TAKEN + timedelta(hours=9), "<b>1")
    assert "restored on Tuesday 11:00 UTC" in note
    assert r"\<b>1" in note
