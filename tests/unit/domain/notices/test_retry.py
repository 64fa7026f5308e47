"""When a message is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.notices.retry import (
    DELAYS,
    GIVE_UP_AFTER,
    LONGEST_ASKED_WAIT,
    delay_after,
    next_try_at,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_waits_grow_and_the_last_one_is_repeated() -> None:
    waits = [delay_after(attempt) for attempt in range(1, 8)]
    assert waits[: len(DELAYS)] == list(DELAYS)
    assert set(waits[len(DELAYS) :]) == {DELAYS[-1]}
    assert delay_after(0) == DELAYS[0]
    assert delay_after(-3) == DELAYS[0]


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (None, DELAYS[0]),
        (0.0, DELAYS[0]),
        (-5.0, DELAYS[0]),
        (float("nan"), DELAYS[0]),
        (3.0, DELAYS[0]),
        (90.0, timedelta(seconds=90)),
        (1e9, LONGEST_ASKED_WAIT),
        (float("inf"), LONGEST_ASKED_WAIT),
    ],
)
def test_a_receiver_may_ask_for_more(asked: float | None, wait: timedelta) -> None:
    assert delay_after(1, asked) == wait


def test_it_is_given_up_after_two_days() -> None:
    assert next_try_at(9, due_at=NOW - GIVE_UP_AFTER, now=NOW) is None
    almost = NOW - GIVE_UP_AFTER + DELAYS[-1]
    assert next_try_at(9, due_at=almost, now=NOW) == NOW + DELAYS[-1]


@given(st.floats(allow_nan=True), st.integers(-5, 50))
def test_every_answer_leads_to_a_wait_that_ends(asked: float, attempts: int) -> None:
    wait = delay_after(attempts, asked)
    assert DELAYS[0] <= wait <= max(DELAYS[-1], LONGEST_ASKED_WAIT)


def test_a_message_that_always_fails_is_tried_about_thirty_times() -> None:
    moment, attempts = NOW, 0
    while moment is not None:
        attempts += 1
        last = moment
        moment = next_try_at(attempts, due_at=NOW, now=moment)
    assert 20 <= attempts <= 35
    assert last - NOW <= GIVE_UP_AFTER
