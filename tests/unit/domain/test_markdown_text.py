"""Somebody else's text inside Markdown of ours has no power, and reads as it was written."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.attacks import ATTACKS, attack
from tests.support.rendered import render, without_bullets, words
from webapp.domain.markdown_text import escape_block, escape_line, fenced
from webapp.domain.untrusted import clean_line, clean_text


def assert_block_is_text(value: str) -> None:
    text = clean_text(value)
    if text is None:
        return
    seen = render(escape_block(text))
    assert set(seen.tags) <= {"p", "br", "ul", "li"}, escape_block(text)
    assert seen.words == words(without_bullets(text)), escape_block(text)


def assert_line_is_text(value: str) -> None:
    line = clean_line(value)
    if line is None:
        return
    source = f"before {escape_line(line)}"
    seen = render(source)
    assert set(seen.tags) <= {"p"}, source
    assert seen.words == f"before {line}", source


@pytest.mark.parametrize("value", ATTACKS)
def test_an_attack_in_a_block_is_text(value):
    assert_block_is_text(value)
    assert_block_is_text(f"before\n{value}\nafter")
    assert_block_is_text(f"before\n\n{value}\n\nafter")
    assert_block_is_text(f"- before\n{value}\n  after")


@pytest.mark.parametrize("value", ATTACKS)
def test_an_attack_in_a_line_is_text(value):
    assert_line_is_text(value)
    assert_line_is_text(f"({value})")


@given(attack)
def test_any_block_is_text(value):
    assert_block_is_text(value)


@given(attack)
def test_any_line_is_text(value):
    assert_line_is_text(value)


@given(attack, attack)
def test_values_side_by_side_are_text(left, right):
    left, right = clean_line(left) or "x", clean_line(right) or "x"
    source = f'**Label:** {escape_line(left)} ("{escape_line(right)}"), [{escape_line(left)}] end'
    seen = render(source)
    assert set(seen.tags) <= {"p", "strong"}
    assert seen.emphasized == ["Label:"]
    assert seen.words == f'Label: {left} ("{right}"), [{left}] end'


@given(attack)
def test_what_follows_a_block_keeps_its_power(value):
    text = clean_text(value)
    seen = render(f"## Ours\n{escape_block(text or '')}\n\n## Next\n[Portal](https://x.example/1)")
    assert seen.headings == [("h2", "Ours"), ("h2", "Next")]
    assert seen.links == [("Portal", "https://x.example/1")]


@given(attack)
@example("`" * 40)
@example("```\n```\n# x")
def test_a_fenced_text_stays_in_its_block_word_for_word(value):
    text = clean_text(value) or "x"
    seen = render(f"{fenced(text)}\n\n## Next")
    assert seen.code == [f"{text}\n"]
    assert seen.headings == [("h2", "Next")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words, 100 %", "plain words, 100 %"),
        ("c:\\bad\\task", "c:\\bad\\task"),
        ("snake_case and 10.0.0.5", "snake_case and 10.0.0.5"),
        ("a & b < c > d", "a & b \\< c > d"),
        ("- one\n- two", "- one\n- two"),
        ("10.0.0.5 called", "10.0.0.5 called"),
        ("Wait 1. second", "Wait 1. second"),
        ("1. first", "1\\. first"),
        ("# no", "\\# no"),
        ("two\n\nparagraphs", "two\n\nparagraphs"),
    ],
)
def test_what_has_no_power_is_left_alone(text, expected):
    assert escape_block(text) == expected


def test_bullets_stay_bullets():
    seen = render(escape_block("Found:\n- one\n- two\n  - three"))
    assert seen.tags.count("li") == 3


def test_numbers_keep_their_value():
    assert render(escape_block("3. three\n7. seven")).words == "3. three 7. seven"


@given(st.sampled_from("\\_*`<[-#&"), st.integers(1, 3))
def test_escaping_a_huge_text_is_quick(character, repeats):
    text = (character * repeats + " ") * 10_000
    assert len(escape_line(text)) <= 2 * len(text)
    assert len(escape_block(text)) <= 2 * len(text) + 1
