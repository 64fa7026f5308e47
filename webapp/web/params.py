"""Numbers, pages, searches and choices in what a browser sent. Nothing here raises an error.

A number is written in ASCII digits and fits a column of ids; any other text counts as nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from webapp.domain.search_query import SEARCH_LENGTH
from webapp.domain.untrusted import clean_line
from webapp.services.lookups import LARGEST_ID

MOST_DIGITS = len(str(LARGEST_ID))
YES, NO = "yes", "no"
NO_SUCH_ID = -1
"""Stands for a choice that no row has: services refuse it like a row that is gone."""


def read_number(text: str | None) -> int | None:
    """The number that a text writes, from 0 to the largest id; None for any other text."""
    if not text or len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None


def read_page_number(values: Mapping[str, str]) -> int:
    """The page of a list that an address asks for; the first one where it asks for none."""
    return read_number(values.get("page")) or 1


def read_is_active(values: Mapping[str, str]) -> bool:
    """Whether an address asks for the active rows of a list, not for its other tab."""
    return values.get("state") != "inactive"


def read_search(values: Mapping[str, str]) -> str:
    """What an address searches for, as one line; empty where it searches for nothing."""
    return clean_line(values.get("q"), SEARCH_LENGTH) or ""


def yes_or_no(value: bool) -> str:
    """How forms send a choice of two."""
    return YES if value else NO


class IdField(SelectField):  # type: ignore[misc]  # WTForms comes without types
    """A selection of one row, or of none. The services check whether it may be chosen."""

    def __init__(self, label: str | None = None, **options: Any) -> None:
        super().__init__(label, validate_choice=False, choices=[], **options)
        self.type = SelectField.__name__  # templates draw it like every other selection

    def offer(self, none: str, rows: Iterable[tuple[int, str]]) -> None:
        """Offer `none`, the words for no row, and then rows by id and name."""
        self.choices = [
            SelectChoice("", none),
            *(SelectChoice(str(row_id), name) for row_id, name in rows),
        ]

    @property
    def chosen(self) -> int | None:
        """The id of the chosen row; None for no row, NO_SUCH_ID for what can be no id."""
        text = (self.data or "").strip()
        number = read_number(text)
        return NO_SUCH_ID if text and number is None else number
