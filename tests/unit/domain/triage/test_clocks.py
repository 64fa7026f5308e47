"""When a ticket is due, by what happened to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.clocks import (
    MOST_TARGET_MINUTES,
    NOT_DUE,
    ClockFacts,
    ClockTarget,
    clock_start,
    due_times,
    parse_target,
    target_text,
    warns_before,
)
from webapp.domain.triage.opening import OpenTimes, read_periods

T0 = datetime(2026, 6, 8, 6, tzinfo=UTC)  # a Monday
BOTH = ClockTarget(touch_minutes=30, close_minutes=240)
NINE_TO_FIVE = OpenTimes(zone="UTC", days=(*(read_periods("09:00-17:00"),) * 5, (), ()))


def after(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def facts(**values: Any) -> ClockFacts:
    """A new ticket, unless the values say otherwise."""
    return ClockFacts(**{"started_at": T0, "untouched_since": T0, **values})


def test_a_new_ticket_is_to_be_touched_first() -> None:
    found = due_times(facts(), BOTH, None)
    assert (found.touch_due_at, found.close_due_at) == (after(30), after(240))
    assert (found.due_at, found.warns_at) == (after(30), after(22.5))


def test_a_touched_ticket_is_to_be_closed() -> None:
    found = due_times(facts(first_touched_at=after(5), untouched_since=None), BOTH, None)
    assert (found.due_at, found.warns_at) == (after(240), after(225))
    assert found.touch_due_at == after(30)  # whether it was in time stays known


def test_a_closed_ticket_is_not_due_and_keeps_what_it_is_measured_by() -> None:
    found = due_times(facts(closed_at=after(300)), BOTH, None)
    assert (found.due_at, found.warns_at) == (None, None)
    assert (found.touch_due_at, found.close_due_at) == (after(30), after(240))


def test_the_clock_for_closing_stands_still_while_the_ticket_waits() -> None:
    touched = {"first_touched_at": after(5), "untouched_since": None}
    waiting = due_times(facts(waits=[(after(60), None)], **touched), BOTH, None)
    assert (waiting.due_at, waiting.close_due_at) == (None, None)
    back = facts(
        waits=[(after(60), after(600))], first_touched_at=after(5), untouched_since=after(600)
    )
    found = due_times(back, BOTH, None)
    assert found.close_due_at == after(240 + 540)
    assert found.due_at == after(630)  # somebody has to look at it again
    assert found.touch_due_at == after(30)


def test_a_reopened_ticket_has_the_whole_time_to_close() -> None:
    found = due_times(
        facts(first_touched_at=after(5), untouched_since=None, reopened_at=after(9_000)), BOTH, None
    )
    assert (found.touch_due_at, found.due_at) == (after(30), after(9_240))


@pytest.mark.parametrize(
    ("target", "due_at"),
    [
        (None, None),
        (ClockTarget(), None),
        (ClockTarget(touch_minutes=30), after(30)),
        (ClockTarget(close_minutes=20, touch_minutes=30), after(20)),
        (ClockTarget(close_minutes=20), after(20)),
    ],
)
def test_a_target_may_be_missing(target: ClockTarget | None, due_at: datetime | None) -> None:
    found = due_times(facts(), target, None)
    assert found.due_at == due_at
    assert (found == NOT_DUE) == (due_at is None)


def test_opening_hours_count_unless_the_target_is_around_the_clock() -> None:
    assert due_times(facts(), BOTH, NINE_TO_FIVE).due_at == after(3 * 60 + 30)
    always = ClockTarget(touch_minutes=30, is_around_the_clock=True)
    assert due_times(facts(), always, NINE_TO_FIVE).due_at == after(30)


@given(
    waits=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), max_size=4),
    minutes=st.integers(1, 3_000),
)
def test_waiting_never_makes_a_ticket_due_earlier(
    waits: list[tuple[int, int]], minutes: int
) -> None:
    spans = [(after(begin), after(begin + length)) for begin, length in waits]
    target = ClockTarget(close_minutes=minutes)
    without = due_times(facts(), target, NINE_TO_FIVE).close_due_at
    found = due_times(facts(waits=spans), target, NINE_TO_FIVE).close_due_at
    assert without is not None
    assert found is not None
    assert found >= without


def test_time_counts_from_when_the_incident_was_sent_unless_nobody_could_know() -> None:
    sent, made = after(-600), after(0)
    assert clock_start(sent, made, polling_started_at=after(-700)) == sent
    assert clock_start(sent, made, polling_started_at=sent) == sent
    assert clock_start(sent, made, polling_started_at=after(-10)) == made
    assert clock_start(sent, made, polling_started_at=None) == made


def test_a_short_target_warns_late() -> None:
    assert warns_before(8) == timedelta(minutes=2)
    assert warns_before(60) == warns_before(10_000) == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("text", "minutes", "shown"),
    [
        ("", None, ""),
        ("30m", 30, "30m"),
        ("30 min", 30, "30m"),
        (" 4H ", 240, "4h"),
        ("1h 30m", 90, "1h 30m"),
        ("1h30", 90, "1h 30m"),
        ("90", 90, "1h 30m"),
        ("1440h", MOST_TARGET_MINUTES, "1440h"),
    ],
)
def test_targets_are_read_as_typed(text: str, minutes: int | None, shown: str) -> None:
    assert parse_target(text) == minutes
    assert target_text(minutes) == shown
    assert parse_target(shown) == minutes


@pytest.mark.parametrize("text", ["0", "0h", "-5", "4d", "soon", "1441h", "٣m", "1.5h", "9" * 40])
def test_other_targets_are_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 30m, 4h or 1h 30m"):
        parse_target(text)
