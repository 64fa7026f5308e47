"""Operators that are typed into the search: taken as filters, or said in words and kept as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.search_query import IndexPart, Term
from webapp.domain.searching.operators import (
    MAX_OPERATORS,
    Operator,
    hours_of_span,
    is_text_search,
    parse_operators,
    search_terms,
)


@pytest.mark.parametrize(
    ("typed", "text", "operators"),
    [
        ("", "", ()),
        ("wombat", "wombat", ()),
        ("client:acme", "", (Operator("client", "client", "acme"),)),
        ("CLIENT:Acme x", "x", (Operator("client", "client", "Acme"),)),
        (
            'client:"Müller & Co" is:untouched y',
            "y",
            (Operator("client", "client", "Müller & Co"), Operator("is", "is", "untouched")),
        ),
        ('client:"not closed', "", (Operator("client", "client", "not closed"),)),
        ("sha256:ab ip:192.0.2.3", "", ("indicator", "indicator")),
        ("user:bo", "", (Operator("host", "user", "bo"),)),
        ('"is:open"', '"is:open"', ()),
        (r"C:\Users\x", r"C:\Users\x", ()),
        (r"HKLM:\Software", r"HKLM:\Software", ()),
        ("https://evil.example/a", "https://evil.example/a", ()),
        ("2001:db8::1 10:30", "2001:db8::1 10:30", ()),
        ("xis:open", "xis:open", ()),
        ("a-is:open", "a-is:open", ()),
    ],
)
def test_what_is_taken_as_an_operator(
    typed: str, text: str, operators: tuple[Operator | str, ...]
) -> None:
    parsed = parse_operators(typed)
    assert parsed.text == text
    found = tuple(
        one if isinstance(want, Operator) else one.asks
        for one, want in zip(parsed.operators, operators, strict=True)
    )
    assert found == operators


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("foo:bar", "“foo:” is no filter; it was searched for as text."),
        ("client:", '“client:” needs a value after the colon, such as client:"Acme Ltd".'),
        ("is:", "“is:” needs a value after the colon, such as is:untouched."),
        ("is:lost", "“is:lost” is unknown"),
        ("severity:crit", "“severity:crit” is unknown; there are severity:"),
        ("closed_as:", "“closed_as:” needs a value after the colon, such as closed_as:done_in"),
        ("closed_as:lost", "“closed_as:lost” is unknown; there are closed_as:done_in_portal"),
        ("older_than:9999d", "“older_than:9999d” is no time of a year at most"),
        ("within:soon", "“within:soon” is no time of a year at most; write within:24h"),
        (" ".join(["host:x"] * (MAX_OPERATORS + 1)), f"Only the first {MAX_OPERATORS} filters"),
    ],
)
def test_what_is_unclear_is_said(typed: str, said: str) -> None:
    [sentence] = parse_operators(typed).unclear
    assert sentence.startswith(said)


@pytest.mark.parametrize("typed", [r"C:\x", "https://x", "HKLM:\\x", "a::1", "wombat", '"foo:bar"'])
def test_what_only_looks_like_an_operator_is_not_mentioned(typed: str) -> None:
    assert parse_operators(typed).unclear == ()


def test_terms_of_operators_are_looked_for_in_their_place() -> None:
    parsed = parse_operators("host:SBA-TAX01 hash:abc ip:192.0.2.3 file:x.zip client:acme more")
    assert search_terms(parsed) == (
        Term(("SBA", "TAX01"), True, IndexPart.SUBJECT),
        Term(("abc",), True, IndexPart.INDICATORS),
        Term(("192", "0", "2", "3"), False, IndexPart.INDICATORS),
        Term(("x", "zip"), True, IndexPart.FILES),
        Term(("more",), True),
    )


@pytest.mark.parametrize(
    ("typed", "is_text"),
    [("", False), ("client:x is:open", False), ("host:x", True), ("x", True), ("client:", False)],
)
def test_filters_alone_search_no_text(typed: str, is_text: bool) -> None:
    assert is_text_search(parse_operators(typed)) is is_text


@pytest.mark.parametrize(
    ("value", "hours"),
    [("24", 24), ("24h", 24), ("3D", 72), ("366d", 8784), ("367d", None), ("0h", None)]
    + [(one, None) for one in ("", "h", "-1", "1w", "1 d", "99999999999")],
)
def test_times_are_hours_or_days(value: str, hours: int | None) -> None:
    assert hours_of_span(value) == hours


@given(st.text(max_size=80) | st.text(alphabet='isclent:"ophx \\/', max_size=60))
def test_whatever_is_typed_is_read(typed: str) -> None:
    parsed = parse_operators(typed)
    assert len(parsed.operators) <= MAX_OPERATORS
    search_terms(parsed)
