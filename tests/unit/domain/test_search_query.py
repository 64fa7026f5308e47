"""What is typed into the search, as terms and as queries; whatever it is, never as operators."""

import re
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.domain.search_query import (
    MAX_TERMS,
    IndexPart,
    Term,
    as_fts5,
    as_loose_tsquery,
    as_tsquery,
    parse_search,
    parse_value,
)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", ()),
        ("  %_* '", ()),
        ("emotet", (Term(("emotet",), True),)),
        ("acme emotet", (Term(("acme",)), Term(("emotet",), True))),
        ("DESKTOP-7F3A", (Term(("DESKTOP", "7F3A"), True),)),
        ('"two words"', (Term(("two", "words")),)),
        ('x "two words" y', (Term(("x",)), Term(("two", "words")), Term(("y",), True))),
        ('"not closed', (Term(("not", "closed")),)),
        ("#123", (Term(("123",), True),)),
        ("a_b", (Term(("a", "b"), True),)),
        ("Müller 東雲", (Term(("Müller",)), Term(("東雲",), True))),
    ],
)
def test_terms(typed: str, terms: tuple[Term, ...]) -> None:
    assert parse_search(typed) == terms


def test_there_is_an_end_to_terms() -> None:
    terms = parse_search(" ".join("abcdefghijklmnopq"))
    assert len(terms) == MAX_TERMS
    assert [term.is_prefix for term in terms] == [False] * (MAX_TERMS - 1) + [True]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("123", ("000123",)),
        ("TKT-123", ("TKT", "000123")),
        ("TKT-000123", None),
        ("1234567", None),
        ("10.1.2", None),
        ("emotet", None),
    ],
)
def test_numbers_are_found_without_their_zeros(typed: str, number: tuple[str, ...] | None) -> None:
    found = parse_search(typed)[0].as_number
    assert (found.words if found else None) == number


def test_queries() -> None:
    terms = parse_search('acme "to do" 12')
    assert as_fts5(terms) == '"acme" AND "to do" AND ("12"* OR "000012")'
    assert as_tsquery(terms) == ("('acme') & ('to' <-> 'do') & (('12':*) | ('000012'))")
    assert as_loose_tsquery(terms) == ("('acme') & ('to' & 'do') & (('12':*) | ('000012'))")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet='ab"*()^:-+{}NEAR AND OR NOT', max_size=40))
def test_whatever_is_typed_is_a_query_without_operators(typed: str) -> None:
    terms = parse_search(typed)
    if not terms:
        return
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE words USING fts5(body)")
    base.execute("SELECT * FROM words WHERE words MATCH ?", (as_fts5(terms),)).fetchall()
    base.close()
    bare = re.sub(r"'[^\W_]+'", "w", as_tsquery(terms))
    assert re.fullmatch(r"[w()&|<>\-:* ]+", bare)


@pytest.mark.parametrize(
    ("typed", "is_prefix"),
    [
        *(("192.0.2.3", False), ("192.0.2", False), ("192.0.2.0/24", False), ("10:30", False)),
        *(("2001:db8::1", False), ("192.0.2.3,", False), ("DESKTOP-12", True), ("12", True)),
        *(("v1.2.3b", True), ("192.0.2.3*", True), ("cafe.be", True)),
    ],
)
def test_addresses_are_meant_whole(typed: str, is_prefix: bool) -> None:
    assert parse_search(typed)[0].is_prefix is is_prefix


def test_an_asterisk_makes_any_word_a_beginning() -> None:
    assert [term.is_prefix for term in parse_search("wom* bat* x y")] == [True, True, False, True]


def test_places() -> None:
    term = parse_value("SBA-TAX01", IndexPart.SUBJECT)
    assert term is not None
    assert as_fts5((term,)) == 'subject : "SBA TAX01"*'
    assert as_tsquery((term,)) == "('SBA':B <-> 'TAX01':*B)"
    assert as_loose_tsquery((term,)) == "('SBA' & 'TAX01':*)"
    assert parse_value("%", IndexPart.FILES) is None
