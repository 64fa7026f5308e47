"""Numbers, pages, searches and choices, whatever a browser sends for them."""

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from webapp.domain.search_query import SEARCH_LENGTH
from webapp.services.lookups import LARGEST_ID
from webapp.web.params import (
    NO_SUCH_ID,
    IdField,
    read_is_active,
    read_number,
    read_page_number,
    read_search,
)

NO_NUMBERS = [
    *("-1", "+1", "1.0", "1e3", "0x1", "1_000", "1,000"),
    *(" 1", "1 ", "1\n", "1\x00", "\x00", "one", "NaN"),
    *("\u0661", "\uff11", "\u00b9", "\u2460", "\U0001d7cf"),
    *(str(LARGEST_ID + 1), "9" * 10, "0" * 11, "9" * 5_000),
]
"""Signs, other notations, spaces, digits of other scripts, and what no column of ids holds."""


class Choosing(Form):
    """A form with nothing but a selection."""

    row = IdField("Row")


def sent(**values: str) -> Choosing:
    return Choosing(MultiDict(values))


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("7", 7), ("007", 7), (str(LARGEST_ID), LARGEST_ID)]
)
def test_a_number_is_read(text: str, number: int) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", [None, "", *NO_NUMBERS])
def test_anything_else_is_no_number(text: str | None) -> None:
    assert read_number(text) is None


def test_an_address_names_a_page() -> None:
    assert read_page_number({"page": "3"}) == 3


@pytest.mark.parametrize("text", ["", "0", *NO_NUMBERS])
def test_an_address_without_a_page_means_the_first(text: str) -> None:
    assert read_page_number({"page": text}) == 1
    assert read_page_number({}) == 1


def test_a_search_is_one_line_that_ends_somewhere() -> None:
    assert read_search({"q": " two\r\nwords\x00 "}) == "two words"
    assert len(read_search({"q": "x" * 5_000})) == SEARCH_LENGTH
    assert read_search({"q": "\x00 "}) == read_search({}) == ""


@pytest.mark.parametrize("state", ["", "active", "INACTIVE", "inactive ", "\x00"])
def test_a_list_shows_active_rows_unless_the_address_says_otherwise(state: str) -> None:
    assert read_is_active({"state": state})
    assert read_is_active({})
    assert not read_is_active({"state": "inactive"})


def test_a_choice_is_an_id_or_none() -> None:
    assert sent(row="12").row.chosen == 12
    assert sent(row=" 12 ").row.chosen == 12
    assert sent(row="").row.chosen is None
    assert sent(row=" ").row.chosen is None
    assert sent().row.chosen is None


@pytest.mark.parametrize("text", [text for text in NO_NUMBERS if text.strip() != "1"])
def test_a_choice_that_can_be_no_id_is_not_taken_for_none(text: str) -> None:
    assert sent(row=text).row.chosen == NO_SUCH_ID


def test_a_selection_offers_none_and_then_rows() -> None:
    form = Choosing(data={"row": 2})
    form.row.offer("Nobody", [(1, "<One>"), (2, "Two")])
    assert [(one.value, one.label) for one in form.row.choices] == [
        ("", "Nobody"),
        ("1", "<One>"),
        ("2", "Two"),
    ]
    assert "&lt;One&gt;" in form.row()
    assert '<option selected value="2">' in form.row()
    assert form.row.type == "SelectField"
