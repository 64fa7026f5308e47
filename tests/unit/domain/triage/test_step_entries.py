"""What the timeline says of ticked steps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.runbooks.step_entries import (
    BUNDLED_WITHIN,
    StepChange,
    add_change,
    is_bundled,
    read_changes,
    step_entry_words,
    write_details,
)

NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
CALL = StepChange(2, "Call **the client**", True)
ISOLATE = StepChange(0, "Isolate the host", True)


@pytest.mark.parametrize(
    ("age", "is_one"),
    [
        (timedelta(0), True),
        (BUNDLED_WITHIN, True),
        (BUNDLED_WITHIN + timedelta(microseconds=1), False),
        (timedelta(seconds=-1), False),
    ],
)
def test_how_long_ticks_go_into_one_entry(age: timedelta, is_one: bool) -> None:
    details = write_details(7, [CALL])
    assert is_bundled(details, 7, NOW - age, NOW) is is_one
    assert not is_bundled(details, 8, NOW, NOW)
    assert not is_bundled(None, 7, NOW, NOW)
    assert not is_bundled({"other": 7}, 7, NOW, NOW)


def test_details_are_read_back() -> None:
    assert read_changes(write_details(7, [CALL, ISOLATE])) == [CALL, ISOLATE]


def test_words() -> None:
    assert step_entry_words("A_B *c*", [CALL]) == (
        "Runbook A_B \\*c\\*. Done: Call \\*\\*the client\\*\\*"
    )
    undone = StepChange(0, "Isolate the host", False)
    assert step_entry_words("R", [CALL, undone]) == (
        "Runbook R\n\n- Done: Call \\*\\*the client\\*\\*\n- Not done after all: Isolate the host"
    )


def test_a_tick_that_is_taken_back_leaves_nothing() -> None:
    undone = StepChange(2, "Call **the client**", False)
    assert add_change([ISOLATE, CALL], undone) == [ISOLATE]
    assert add_change([CALL], undone) == []
    assert add_change([], undone) == [undone]


@given(st.lists(st.integers(0, 4)))
def test_what_is_left_is_what_differs_from_before(toggled: list[int]) -> None:
    """Each number toggles a step; the entry names the steps that are not as they were."""
    changes: list[StepChange] = []
    state = dict.fromkeys(range(5), False)
    for position in toggled:
        state[position] = not state[position]
        changes = add_change(changes, StepChange(position, "x", state[position]))
    assert {one.position: one.is_done for one in changes} == {
        position: True for position, is_done in state.items() if is_done
    }
