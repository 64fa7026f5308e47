"""Which passwords are taken by their length, variety and context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.passwords import (
    LEAST,
    LEAST_WITH_FACTOR,
    MOST,
    RULE,
    context_words,
    find_fault,
)

ADA = context_words(["Ada Okafor", "ada.okafor@tallowreed.example", "desk.tallowreed.example"])
GOOD = "correct horse battery"


def fault(password: str, *, has_factor: bool = False) -> str:
    return find_fault(password, ADA, has_factor=has_factor) or ""


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "kJ8#pq2!vD5m",
        "vier wörter ohne zusammenhang",
        "   spaces around it   ",
        "🐎🔋📎🧲🪁🛶🧭🧵🪐🧊🥁🎷",
        "\ud800\ud801\ud802 of no alphabet",
        "Ada plays chess",
        "kJ8#pq2!vD5m" * 2,
        "ab1" + "x" * 2 + "y" * 1019,
    ],
)
def test_what_is_taken(password: str) -> None:
    assert not fault(password)


def test_lengths_count_characters_and_a_second_factor() -> None:
    eleven, seven = "kJ8#pq2!vD5", "kJ8#pq2"
    assert fault(eleven) == "A password has at least 12 characters."
    assert not fault(eleven, has_factor=True)
    assert fault(seven, has_factor=True) == "A password has at least 8 characters."
    assert not fault(eleven + "ü")
    assert fault(GOOD * 49) == "A password has at most 1024 characters."
    assert not fault((GOOD * 49)[:MOST])
    assert (LEAST, LEAST_WITH_FACTOR) == (12, 8)
    assert "At least 12 characters (8 beside a second factor)" in RULE


@pytest.mark.parametrize(
    "password",
    [
        *(" " * 12, "\t" * 20, "a" * 12, "aA" * 10, "z" * 1024, "121212121212", "   a   b    c  "),
        *("abcdabcdabcd", "Passw0rdPassw0rd", "kJ8#pq2!" * 3),
    ],
)
def test_one_thing_over_and_over_is_refused(password: str) -> None:
    assert "over and over" in fault(password)


def test_a_piece_that_is_long_enough_by_itself_may_be_repeated() -> None:
    assert not fault("kJ8#pq2!" * 2, has_factor=True)


@pytest.mark.parametrize(
    "password",
    [
        *(
            "huntress1234",
            "Huntress2026!",
            "triagedesk!!!",
            "HUNTRESS-triage-desk",
            "hun7re55 2026",
        ),
        *("Ada.Okafor@tallowreed.example", "ada okafor 12", "OkaforAda1!!", "0kaf0rAd@123"),
        *("tallowreed12", "desk.tallowreed.example", "adaadaadaada99x"),
    ],
)
def test_little_more_than_the_own_words_is_refused(password: str) -> None:
    assert fault(password) == (
        "This password is little more than your name, your address or the name of this product. "
        "Add words that nobody would guess from them."
    )


def test_words_of_the_context_may_stand_among_others() -> None:
    assert not fault("tallowreed lantern")
    assert find_fault("tallowreed12", context_words([]), has_factor=False) is None


def test_context_words_leave_out_what_says_nothing() -> None:
    assert {"ada", "okafor", "tallowreed", "huntress", "triagedesk"} <= set(ADA)
    assert "example" not in ADA, "the last part of a host"
    assert context_words(["Bo", "", "  "]) == ("triagedesk", "huntress", "triage", "desk")
    assert context_words(["Łukasz Öz"])[:1] == ("triagedesk",)
    assert "łukasz" in context_words(["Łukasz Öz"])


@given(st.text(max_size=1100), st.lists(st.text(max_size=30), max_size=3), st.booleans())
def test_every_text_gets_an_answer(password: str, texts: list[str], has_factor: bool) -> None:
    found = find_fault(password, context_words(texts), has_factor=has_factor)
    assert found is None or found.endswith(".")
    if found is None:
        assert LEAST_WITH_FACTOR <= len(password) <= MOST


@given(st.text(min_size=1, max_size=11), st.integers(2, 30))
def test_no_repetition_of_a_short_piece_is_ever_taken(piece: str, times: int) -> None:
    assert fault(piece * times)
