"""A flood of refusals is counted and not written down one by one."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.refusal_counts import (
    MOST_FROM_A_PERSON,
    MOST_FROM_STRANGERS,
    MOST_KEYS,
    SECONDS,
    RefusalCounts,
)


def test_of_a_strangers_address_one_in_a_minute() -> None:
    counts = RefusalCounts()
    found = [counts.admit("a", second, is_person=False) for second in range(150)]
    assert {at: one for at, one in enumerate(found) if one is not None} == {0: 0, 60: 59, 120: 59}


def test_a_quiet_address_is_written_each_time() -> None:
    counts = RefusalCounts()
    assert [counts.admit("a", at * SECONDS, is_person=False) for at in range(3)] == [0, 0, 0]


def test_strangers_from_everywhere_are_limited_together() -> None:
    counts = RefusalCounts()
    found = [counts.admit(str(number), 0, is_person=False) for number in range(500)]
    assert sum(one is not None for one in found) == MOST_FROM_STRANGERS
    assert counts.admit("400", SECONDS, is_person=False) == 1


def test_a_person_may_be_refused_more_often_and_is_not_held_up_by_strangers() -> None:
    counts = RefusalCounts()
    for number in range(500):
        counts.admit(str(number), 0, is_person=False)
    found = [counts.admit("person", 0, is_person=True) for _ in range(MOST_FROM_A_PERSON + 5)]
    assert found == [0] * MOST_FROM_A_PERSON + [None] * 5
    assert counts.admit("person", SECONDS, is_person=True) == 5


def test_what_could_not_be_written_is_counted_again() -> None:
    counts = RefusalCounts()
    assert counts.admit("a", 0, is_person=False) == 0
    counts.put_back("a", 0, 1)
    assert counts.admit("a", SECONDS, is_person=False) == 1


def test_addresses_beyond_number_take_no_memory() -> None:
    counts = RefusalCounts()
    for number in range(2 * MOST_KEYS):
        counts.admit(str(number), 0, is_person=False)
    assert len(counts._counts) <= MOST_KEYS


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 500)), max_size=80))
def test_none_is_lost(refusals: list[tuple[str, float]]) -> None:
    """What is written and what it says was skipped are all there were, but for what is to come."""
    counts = RefusalCounts()
    told = 0
    for key, at in sorted(refusals, key=lambda one: one[1]):
        skipped = counts.admit(key, at, is_person=False)
        told += 0 if skipped is None else 1 + skipped
    left = sum(counts.admit(key, 10_000, is_person=False) or 0 for key in "abc")
    assert told + left == len(refusals)
