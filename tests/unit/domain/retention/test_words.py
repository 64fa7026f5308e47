import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.retention.words import (
    json_fragment,
    name_any,
    names_within,
    plain_word,
    without_words,
    words_to_find,
)


@pytest.mark.parametrize(
    ("text", "is_named"),
    [
        ("Acme", True),
        ("3 tickets of Acme: look", True),
        ("(Acme)", True),
        ("Acmeville", False),
        ("XAcme", False),
        ("acme", False),
        ("", False),
    ],
)
def test_a_name_is_found_as_a_whole(text: str, is_named: bool) -> None:
    assert name_any(text, words_to_find(["Acme"])) is is_named


def test_spaces_in_a_name_may_be_any() -> None:
    assert name_any("a Smith &\n Sons b", words_to_find(["Smith &  Sons"]))


@pytest.mark.parametrize("name", ["C++ Ltd.", "(x) y", "a.b*c", "Müller & Söhne", "O'Brien \\ Co"])
def test_signs_in_a_name_are_signs(name: str) -> None:
    words = words_to_find([name])
    assert name_any(f"of {name} and", words)
    assert without_words(f"of {name} and", words, r"\1 gone") == r"of \1 gone and"


def test_short_and_missing_names_are_only_found_as_a_whole_text() -> None:
    words = words_to_find(["AB", None, " ", ""])
    assert words == ["=AB"]
    assert name_any("AB", words)
    assert not name_any("AB 1", words)


def test_a_person_of_one_word_is_only_found_as_a_whole_text() -> None:
    words = words_to_find(["admin", "ada@example.com"], are_inside=False)
    assert names_within({"actor": "admin"}, words)
    assert not names_within({"role": "an admin"}, words)
    assert names_within([{"to": ["<ada@example.com>"]}], words)
    assert [plain_word(word) for word in words] == ["ada@example.com", "admin"]


def test_the_longest_name_is_replaced_first() -> None:
    words = words_to_find(["Acme", "Acme Dental", "Acme"])
    assert words == ["Acme Dental", "Acme"]
    assert without_words("Acme Dental, Acme", words, "X") == "X, X"


def test_keys_numbers_and_nothing_are_looked_at_as_well() -> None:
    assert names_within({"Acme": 1}, ["Acme"])
    assert not names_within({"x": [1, None, True, {"y": "z"}]}, ["Acme"])


@given(st.text(min_size=1))
def test_the_fragment_stands_in_the_stored_document(name: str) -> None:
    assert json_fragment(name) in json.dumps({"name": f"a {name} b"})
