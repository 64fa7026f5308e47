"""How long guessing has to wait."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from webapp.domain.security.throttle import (
    LIMITS,
    Counted,
    Failures,
    begins_wait,
    next_failures,
    taken_back,
    wait_left,
)

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
KINDS = some.sampled_from(list(Counted))


def guess_until_let_through(kind: Counted, times: int) -> tuple[Failures, datetime]:
    """The count after so many tries, each made as soon as it may be."""
    stored, now = None, NOW
    for _ in range(times):
        now += wait_left(stored, now)
        stored = next_failures(kind, stored, now)
    assert stored is not None
    return stored, now


@pytest.mark.parametrize("kind", Counted)
def test_a_few_tries_are_free_and_the_next_ones_wait_twice_as_long_each(kind: Counted) -> None:
    limit = LIMITS[kind]
    for count in range(1, limit.free):
        stored, now = guess_until_let_through(kind, count)
        assert wait_left(stored, now) == timedelta(0)
    waits = [wait_left(*guess_until_let_through(kind, limit.free + beyond)) for beyond in range(12)]
    assert waits[:3] == [limit.first_wait, limit.first_wait * 2, limit.first_wait * 4]
    assert waits[-1] == limit.longest_wait
    assert waits == sorted(waits)


@given(KINDS, some.integers(1, 10_000))
def test_no_wait_is_longer_than_the_limit(kind: Counted, count: int) -> None:
    stored = next_failures(kind, Failures(count, NOW, NOW), NOW)
    assert timedelta(0) <= wait_left(stored, NOW) <= LIMITS[kind].longest_wait


@given(KINDS, some.integers(1, 100), some.integers(0, 10**7))
def test_a_count_is_forgotten_once_nothing_was_tried_for_long_enough(
    kind: Counted, count: int, seconds: int
) -> None:
    later = NOW + timedelta(seconds=seconds)
    stored = next_failures(kind, Failures(count, NOW, NOW), later)
    is_forgotten = timedelta(seconds=seconds) > LIMITS[kind].forgotten_after
    assert stored.count == (1 if is_forgotten else count + 1)
    assert stored.last_at == later


def test_an_account_is_tried_a_few_dozen_times_a_day_at_most() -> None:
    stored, now, tries = None, NOW, 0
    while now < NOW + timedelta(days=1):
        stored = next_failures(Counted.ACCOUNT, stored, now)
        now = stored.next_at
        tries += 1
    assert tries < 110


@given(some.integers(1, 50))
def test_success_clears_an_account_and_takes_one_try_back_from_an_address(count: int) -> None:
    stored = Failures(count, NOW, NOW + timedelta(minutes=5))
    for kind in set(Counted) - {Counted.ADDRESS}:
        assert taken_back(kind, stored, NOW) is None
    left = taken_back(Counted.ADDRESS, stored, NOW)
    assert (left.count if left else 0) == count - 1
    assert wait_left(left, NOW) == timedelta(0)


def test_the_log_hears_of_a_wait_when_it_begins_and_then_rarely() -> None:
    noted = [
        count for count in range(1, 40) if begins_wait(Counted.ACCOUNT, Failures(count, NOW, NOW))
    ]
    assert noted == [5, 15, 25, 35]
