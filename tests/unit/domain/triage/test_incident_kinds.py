"""Kinds of incidents: the gravest first, each in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.triage.incident_kinds import (
    KIND_WORDS,
    gravest_kind,
    kind_words,
    order_kinds,
)

HUNTRESS = (
    *("footholds", "monitored_files", "ransomware_canaries", "antivirus_detections"),
    *("process_detections", "managed_identity", "mde_detections", "siem_detections"),
    *("favicon_detections", "behavioral_detections", "email_security_detections"),
    *("app_control", "ai_misuse"),
)


def test_every_kind_of_huntress_has_words() -> None:
    assert set(KIND_WORDS) == set(HUNTRESS)
    assert len(set(KIND_WORDS.values())) == len(HUNTRESS)


def test_the_gravest_comes_first_and_unknown_ones_last() -> None:
    kinds = ["new_things", "app_control", "footholds", "ransomware_canaries", "odd", "footholds"]
    ordered = order_kinds(kinds)
    assert ordered == ["ransomware_canaries", "footholds", "app_control", "new_things", "odd"]
    assert gravest_kind(ordered) == ("Ransomware canaries", 4)
    assert gravest_kind(["footholds"]) == ("Persistent foothold", 0)


@given(st.lists(st.sampled_from([*HUNTRESS, "a", "b"])))
def test_ordering_loses_nothing_and_is_stable(kinds: list[str]) -> None:
    ordered = order_kinds(kinds)
    assert sorted(ordered) == sorted(set(kinds))
    assert order_kinds(ordered) == ordered


@pytest.mark.parametrize(
    ("kind", "words"),
    [("rogue_things", "Rogue things"), ("MacOS_x", "MacOS x"), ("_", ""), ("", ""), ("é", "É")],
)
def test_unknown_kinds_are_shown_as_they_are_written(kind: str, words: str) -> None:
    assert kind_words(kind) == words


@pytest.mark.parametrize("kinds", [[], [""], ["__", " "]])
def test_without_a_kind_there_are_no_words(kinds: list[str]) -> None:
    assert gravest_kind(kinds) is None
