"""Matching organizations to clients by exactly the same name."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.name_match import NameIndex, match_name, normalize_name

CASES = json.loads((Path(__file__).parents[2] / "cases" / "name_match.json").read_text())


@pytest.mark.parametrize(("name", "expected"), CASES["normalize"])
def test_normalize_cases(name: str, expected: str) -> None:
    assert normalize_name(name) == expected


@pytest.mark.parametrize(("name", "expected"), CASES["match"]["cases"])
def test_match_cases(name: str, expected: str | None) -> None:
    clients = [(key, client) for key, client in CASES["match"]["clients"]]
    assert match_name(name, clients).matched == expected


def test_several_of_one_name_are_ambiguous_and_named() -> None:
    match = match_name("GLOBEX!", [("c2", "Globex"), ("c1", "Acme"), ("c3", "globex")])
    assert match.is_ambiguous
    assert match.candidates == ("c2", "c3")
    assert match.matched is None


def test_none_is_neither_matched_nor_ambiguous() -> None:
    match = match_name("Initech", [("c1", "Acme")])
    assert (match.candidates, match.matched, match.is_ambiguous) == ((), None, False)


@pytest.mark.parametrize("name", ["", "  ", "...", "&", "'", "—"])
def test_a_name_without_a_letter_matches_nothing(name: str) -> None:
    """Not even a client whose name has none either."""
    assert match_name(name, [("c1", name), ("c2", "")]).candidates == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller GmbH", "Mu\u0308ller GmbH"),
        ("ΟΔΟΣ ΑΕ", "οδος αε"),
        ("İstanbul A.Ş.", "İSTANBUL A.Ş."),
        ("Acme\u00a0Inc", "Acme Inc"),
        ("Acme\tInc\n", "acme inc"),
        ("O`Brien", "OBrien"),
    ],
)
def test_the_same_name_written_differently(one: str, other: str) -> None:
    assert normalize_name(one) == normalize_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "Muller"),
        ("Müller", "Möller"),
        ("Łódź", "Lodz"),
        ("Acme", "Acme Inc"),
        ("株式会社アクメ", "株式会社アルメ"),
        ("हिन्दी", "हन्द"),
        ("AcmeInc", "Acme Inc"),
        ("Team 1", "Team 2"),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert normalize_name(one) != normalize_name(other)
    assert match_name(one, [("c", other)]).candidates == ()


@given(st.text())
def test_normalizing_twice_changes_nothing(name: str) -> None:
    once = normalize_name(name)
    assert normalize_name(once) == once


@given(st.text())
def test_only_words_of_letters_marks_and_digits_are_left(name: str) -> None:
    normalized = normalize_name(name)
    assert normalized == " ".join(normalized.split())
    assert all(unicodedata.category(c)[0] in "LNM" for c in normalized.replace(" ", ""))


@given(st.lists(st.tuples(st.integers(), st.text()), unique_by=lambda pair: pair[0]), st.text())
def test_candidates_are_exactly_those_of_the_same_name(
    clients: list[tuple[int, str]], name: str
) -> None:
    match = NameIndex(clients).match(name)
    wanted = normalize_name(name)
    expected = [key for key, client in clients if wanted and normalize_name(client) == wanted]
    assert list(match.candidates) == expected
    assert match.is_ambiguous == (len(expected) > 1)
    assert match.matched == (expected[0] if len(expected) == 1 else None)
