"""The vocabulary of security events: words for all, a kind for each, nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.events import (
    FAILURES,
    GROUPS,
    KIND_WORDS,
    WORDS,
    EventKind,
    Export,
    is_failure,
)


def test_every_event_has_words_and_every_word_is_of_one() -> None:
    assert WORDS.keys() >= FAILURES | {one.action for one in Export}
    assert len(set(WORDS.values())) == len(WORDS)


def test_every_kind_has_words_and_no_group_is_of_two_kinds() -> None:
    assert KIND_WORDS.keys() == set(EventKind)
    groups = [group for found in GROUPS.values() for group in found]
    assert len(groups) == len(set(groups))


@given(st.text())
def test_whatever_is_not_known_as_a_failure_is_none(action: str) -> None:
    assert is_failure(action) is (action in FAILURES)
