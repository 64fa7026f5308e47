"""Accents and case do not matter; where a word stands in a text is known without folding it."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.searching.fold_letters import fold_letters, pattern_of, plain_letters


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller", "muller"),
        ("WÓJCIK", "wojcik"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("Ørsted", "orsted"),
        ("Ægir", "aegir"),
        ("Đặng Þór", "dang thor"),
        ("İstanbul ılık", "istanbul ilik"),
        ("Mu\u0308ller", "muller"),
        ("東雲 ガンマ", "東雲 ガンマ"),
        ("plain-TEXT_1", "plain-text_1"),
    ],
)
def test_letters(text: str, folded: str) -> None:
    assert fold_letters(text) == folded


def test_letters_that_the_index_of_sqlite_folds_itself_stay() -> None:
    assert plain_letters("Müller Łódź") == "Müller lódź"


@pytest.mark.parametrize("spelling", ["Müller", "MULLER", "mu\u0308ller", "müller"])
def test_every_spelling_is_found(spelling: str) -> None:
    for word in ("muller", "Müller"):
        assert re.fullmatch(pattern_of(word), spelling, re.IGNORECASE)


@pytest.mark.parametrize(
    ("word", "spelling"), [("strasse", "Straße"), ("Straße", "STRASSE"), ("aegir", "Ægir")]
)
def test_letters_that_are_two(word: str, spelling: str) -> None:
    assert re.fullmatch(pattern_of(word), spelling, re.IGNORECASE)


@given(st.text(alphabet="aoulzsSßŁłØøÆüÜéÓñŠź", min_size=1, max_size=12))
def test_what_folds_alike_is_found(word: str) -> None:
    pattern = re.compile(pattern_of(word), re.IGNORECASE)
    assert pattern.fullmatch(word)
    assert pattern.fullmatch(fold_letters(word))
    assert pattern.fullmatch(unicodedata.normalize("NFD", word))


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_pattern(word: str) -> None:
    re.compile(pattern_of(word), re.IGNORECASE)
