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
    kind_of_event,
)


def test_every_event_has_words_and_every_word_is_of_one() -> None:
    assert WORDS.keys() >= FAILURES | {one.action for one in Export}
    assert len(set(WORDS.values())) == len(WORDS)


def test_every_kind_has_words_and_no_group_is_of_two_kinds() -> None:
    assert KIND_WORDS.keys() == set(EventKind)
    groups = [group for found in GROUPS.values() for group in found]
    assert len(groups) == len(set(groups))


def test_every_event_is_of_a_kind_of_its_own() -> None:
    assert {kind_of_event(action) for action in WORDS} == set(EventKind) - {EventKind.CHANGES}
    assert kind_of_event("session.refused") is EventKind.REFUSALS
    assert kind_of_event("session.begun") is EventKind.SIGN_INS
    assert kind_of_event("ticket.changed") is EventKind.CHANGES


@given(st.text())
def test_whatever_an_action_is_called_it_has_a_kind(action: str) -> None:
    assert kind_of_event(action) in EventKind
    assert is_failure(action) is (action in FAILURES)
