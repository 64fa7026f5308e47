"""Reading numbers, pages, searches, days and choices that a browser sent. Nothing here raises.

A number consists of ASCII digits and fits an id column. Any other text counts as no number.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from wtforms import SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice

from webapp.domain.search_query import SEARCH_LENGTH
from webapp.domain.untrusted import clean_line
from webapp.services.lookups import LARGEST_ID

MOST_DIGITS = len(str(LARGEST_ID))
YES, NO = "yes", "no"
LOCAL_TIME = "%Y-%m-%dT%H:%M"
"""How browsers send a day and a time."""

NO_SUCH_ID = -1
"""A choice that cannot be the id of any row; services refuse it like a row that is gone."""


def read_number(text: str | None) -> int | None:
    """The number in a text, from 0 to the largest id; None for any other text."""
    if not text or len(text) > MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= LARGEST_ID else None


def read_page_number(values: Mapping[str, str]) -> int:
    """The page number in an address; 1 if there is none."""
    return read_number(values.get("page")) or 1


def read_is_active(values: Mapping[str, str]) -> bool:
    """Whether an address asks for the tab with the active rows."""
    return values.get("state") != "inactive"


def read_search(values: Mapping[str, str]) -> str:
    """The search in an address, as one line; empty if there is none."""
    return clean_line(values.get("q"), SEARCH_LENGTH) or ""


def read_days(values: Mapping[str, str], zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """The begin of the day `from` and the end of the day `to` of an address, in the zone.

    None for what is not a day such as 2026-06-09, and for years outside 1970 to 9998.
    """
    first, last = _read_day(values.get("from")), _read_day(values.get("to"))
    return (
        _midnight(first, zone) if first else None,
        _midnight(last + timedelta(days=1), zone) if last else None,
    )


def read_local_time(text: str | None, zone: tzinfo) -> datetime | None:
    """The moment (UTC) of a time such as `2026-06-09T18:00` on a clock of the zone.

    None for any other text, and for years outside 1970 to 9998.
    """
    try:
        time_of_day = datetime.strptime(text or "", LOCAL_TIME).replace(tzinfo=zone)
    except ValueError:
        return None
    return time_of_day.astimezone(UTC) if 1970 <= time_of_day.year <= 9998 else None


def yes_or_no(value: bool) -> str:
    """The value with which forms send a yes or no."""
    return YES if value else NO


def _read_day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 <= day.year <= 9998 else None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


class IdField(SelectField):  # type: ignore[misc]  # WTForms comes without types
    """A selection of one row or none; the services check whether the row may be chosen."""

    def __init__(self, label: str | None = None, **options: Any) -> None:
        super().__init__(label, validate_choice=False, choices=[], **options)
        self.type = SelectField.__name__  # templates draw it like any other selection

    def offer(self, none: str, rows: Iterable[tuple[int, str]]) -> None:
        """Offer `none`, the words for no row, and then the rows by id and name."""
        self.choices = [
            SelectChoice("", none),
            *(SelectChoice(str(row_id), name) for row_id, name in rows),
        ]

    @property
    def chosen(self) -> int | None:
        """The chosen row's id, None for no row, NO_SUCH_ID for text that cannot be an id."""
        text = (self.data or "").strip()
        number = read_number(text)
        return NO_SUCH_ID if text and number is None else number


class ManyField(SelectMultipleField):  # type: ignore[misc]  # WTForms comes without types
    """Any number of checkboxes; the services check what was chosen."""

    def __init__(self, label: str, choices: Iterable[tuple[str, str]] = (), **options: Any) -> None:
        offered = [SelectChoice(value, words) for value, words in choices]
        super().__init__(label, choices=offered, validate_choice=False, **options)

    def offer(self, rows: Iterable[Any]) -> None:
        """Offer rows with an id and a name, those that are chosen first."""
        chosen = set(self.data or ())
        pairs = sorted(
            ((str(row.id), row.name) for row in rows), key=lambda pair: pair[0] not in chosen
        )
        self.choices = [SelectChoice(value, words) for value, words in pairs]

    @property
    def numbers(self) -> tuple[int, ...]:
        """What was chosen as ids; NO_SUCH_ID for text that cannot be one."""
        found = (read_number(text) for text in self.data or ())
        return tuple(NO_SUCH_ID if number is None else number for number in found)
