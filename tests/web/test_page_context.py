"""The options of a selection: escaped, with the chosen one marked, whatever was shown before."""

import pytest
from markupsafe import Markup

from webapp.web.page_context import select_options


@pytest.mark.parametrize(
    ("chosen", "selected"),
    [(2, 'value="2" selected'), ("2", 'value="2" selected'), ("a&b", 'value="a&amp;b" selected')],
)
def test_the_chosen_one_is_marked(chosen: object, selected: str) -> None:
    html = select_options([(1, "One"), (2, "Two"), ("a&b", "Three")], chosen)
    assert html.count("selected") == 1
    assert selected in html


@pytest.mark.parametrize("chosen", [None, 3, "", '2" selected><script>', 'x">'])
def test_what_is_not_offered_marks_nothing(chosen: object) -> None:
    pairs = [(1, 'says value="3">'), (2, "<script>")]
    html = select_options(pairs, chosen)
    assert html == select_options(pairs, None)
    assert "selected" not in html
    assert "<script>" not in html


def test_trusted_words_before_make_no_other_words_trusted() -> None:
    trusted = select_options([(1, Markup("<b>bold</b>"))], None)
    assert trusted == select_options([(1, "<b>bold</b>")], None)
    assert "<b>" not in trusted


def test_numbers_and_flags_that_are_equal_are_told_apart() -> None:
    assert 'value="1"' in select_options([(1, "One")], None)
    assert 'value="True"' in select_options([(True, "One")], None)
