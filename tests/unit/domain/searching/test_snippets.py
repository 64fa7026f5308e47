"""Matches in context: marked where they are, in a piece of bounded length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.search_query import parse_search
from webapp.domain.searching.snippets import (
    SCANNED,
    SNIPPET_LENGTH,
    Snippet,
    compile_terms,
    has_all,
    make_snippet,
)


def snippet(typed: str, *texts: str) -> Snippet:
    return make_snippet(compile_terms(parse_search(typed)), texts)


def marked(found: Snippet) -> str:
    return "".join(f"[{piece.text}]" if piece.is_match else piece.text for piece in found)


@pytest.mark.parametrize(
    ("typed", "text", "shown"),
    [
        ("muller", "Frau Müller rief an", "Frau [Müller] rief an"),
        ("mull", "Frau Müller rief an", "Frau [Müller] rief an"),
        ('"mull"', "Frau Müller rief an", ""),
        ("strasse", "In der Straße 3", "In der [Straße] 3"),
        ("rief frau", "Frau Müller\n\n rief an", "[Frau] Müller [rief] an"),
        (r"users\public", r"C:\Users\Public\x", r"C:\[Users\Public]\x"),
        ("192.0.2.3", "192.0.2.33 and 192.0.2.3.", "192.0.2.33 and [192.0.2.3]."),
        ("tkt-7", "see TKT-000007", "see [TKT-000007]"),
        ("b", "<b>bold</b>", "<[b]>[bold]</[b]>"),
        ("x", "nothing here", ""),
    ],
)
def test_matches_are_marked(typed: str, text: str, shown: str) -> None:
    assert marked(snippet(typed, text)) == shown


def test_the_text_with_most_of_the_words_is_shown() -> None:
    assert marked(snippet("one two", "one", "two and one", "one two three")) == "[two] and [one]"


def test_what_is_left_out_is_an_ellipsis() -> None:
    text = "before " * 50 + "wombat " + "after " * 50
    shown = marked(snippet("wombat", text))
    assert shown.startswith("… before")
    assert "[wombat]" in shown
    assert shown.endswith(" …")
    assert len(shown) <= SNIPPET_LENGTH + 10


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert snippet("wombat", "x " * SCANNED + "wombat") == ()


def test_a_row_that_shows_every_word_needs_none() -> None:
    patterns = compile_terms(parse_search("muller tkt-7"))
    assert has_all(patterns, "TKT-000007 Müller")
    assert not has_all(patterns, "TKT-000007")


@given(st.text(max_size=30), st.text(max_size=500))
def test_a_snippet_is_a_piece_of_the_text(typed: str, text: str) -> None:
    found = snippet(typed, text)
    shown = "".join(piece.text for piece in found if piece.text not in ("… ", " …"))
    assert " ".join(shown.split()) in " ".join(text.split())
    assert len(shown) <= SNIPPET_LENGTH
