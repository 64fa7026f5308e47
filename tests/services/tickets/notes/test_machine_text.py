"""Machine-written text that a person edits keeps its words, and none of its addresses goes live."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.attacks import ATTACKS, attack
from webapp.domain.markdown_text import escape_block, escape_line, unescaped
from webapp.services.tickets.notes.machine_text import as_typed
from webapp.services.tickets.render_markdown import Dialect, render_markdown


def seen(text: str, dialect: Dialect) -> str:
    return "".join(re.sub(r"<[^>]*>", "", render_markdown(text, dialect=dialect)).split())


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (r"C:\Users\Public\!README", r"C:\Users\Public\!README"),
        (r"\\server\share", r"\\server\share"),
        ("*bold*", "`*bold*`"),
        ("# heading", "`#` heading"),
        ("a_b __init__ & 1 [x] <b>", "a_b __init__ & 1 [x] <b>"),
        ("`code`", "`` `code` ``"),
    ],
)
def test_backslashes_go_and_what_would_mean_something_is_code(text: str, typed: str) -> None:
    assert as_typed(escape_block(text)) == typed


def test_a_whole_description_keeps_its_form() -> None:
    text = (
        "## Summary\n**Status:** sent\n- [approved] x\n\n```\nC:\\\\x \\*\n```\n\n"
        "[View in Huntress portal](https://acme.huntress.io/1)"
    )
    assert as_typed(text) == text


def in_a_line(text: str) -> str:
    """One line of somebody else's text stands within one of our lines, never alone."""
    return f"Host: {escape_line(text)}"


@given(st.one_of(attack.map(escape_block), attack.map(in_a_line)))
@example(in_a_line("--- ---"))
@example("\n".join(map(escape_line, ATTACKS)))
def test_the_same_words_are_seen_and_nothing_goes_live(text: str) -> None:
    typed = as_typed(text)
    assert seen(typed, Dialect.MIXED) == seen(text, Dialect.MACHINE)
    assert "href" not in render_markdown(typed, dialect=Dialect.MIXED)


@given(st.text(max_size=60))
def test_escapes_are_taken_off(text: str) -> None:
    assert unescaped(escape_line(text)) == " ".join(text.split())
