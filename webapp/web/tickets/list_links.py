"""Addresses of the ticket list that keep its view, and words for its filters."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from webapp.services.tickets.desk_choices import DeskChoice, DeskChoices
from webapp.services.tickets.list_tickets import NOBODY, TicketQuery
from webapp.web.tickets.list_query import CLOSE_REASONS, FILTERS, KEPT, ME, SEVERITIES, SOURCES

SORT_WORDS = {
    "priority": "Most urgent first",
    "newest": "Newest first",
    "oldest": "Oldest first",
    "updated": "Last changed first",
    "due": "Due first, only what is due",
}
AGES = {
    "older_than": (4, 24, 72, 168, 720),
    "within": (4, 24, 72, 168, 720),
    "untouched_for": (4, 24, 72, 168),
}
AGE_WORDS = {
    "older_than": "Older than",
    "within": "Sent within",
    "untouched_for": "Untouched for",
}
FLAGS = {
    "triage": "Triage queue",
    "unmapped": "Unmapped organization",
    "untouched": "Untouched",
    "waiting": "Waiting",
    "overdue": "Overdue",
    "closed_in_huntress": "Closed in Huntress, open here",
    "open_in_huntress": "Closed here, open in Huntress",
    "raised": "Raised above its priority",
    "no_reference": "No PSA reference",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter: its words, and the address of the list without it."""

    name: str
    words: str
    url: str


def assignee_pairs(users: Iterable[DeskChoice], viewer_id: int) -> list[tuple[int | str, str]]:
    """The choices of the assignee filter; the viewer comes first, as "Me"."""
    others = [(user.id, user.name) for user in users if user.id != viewer_id]
    return [(ME, "Me"), (NOBODY, "Nobody"), *others]


def hours_words(hours: int) -> str:
    """Words such as `4 hours` or `3 days`."""
    number, unit = (hours // 24, "day") if hours >= 24 and hours % 24 == 0 else (hours, "hour")
    return f"{number} {unit}" if number == 1 else f"{number:,} {unit}s"


def age_pairs(name: str, chosen: int | None) -> list[tuple[int, str]]:
    """The choices of a filter by age; the chosen value is included."""
    hours = sorted({*AGES[name], *([chosen] if chosen else [])})
    return [(one, hours_words(one)) for one in hours]


class ListLinks:
    """Links from one view of the list to another."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = {name: values[name] for name in KEPT if values.get(name)}

    @property
    def query_string(self) -> str:
        """Filters, tab and order, in the form in which a saved view keeps them."""
        return urlencode(self._values)

    def to(self, **changes: str | None) -> str:
        """The address of the same view with `changes`, on its first page; None removes a value."""
        return url_for("tickets.show_list", **self._changed(changes))

    def export(self) -> str:
        """The address of the file with what the list shows."""
        return url_for("tickets.export", **self._changed({}))

    def without_filters(self) -> str:
        """The address of the same tab and order without filters."""
        return self.to(**{one.name: None for one in FILTERS})

    def chips(self, query: TicketQuery, choices: DeskChoices, viewer_id: int) -> list[Chip]:
        """The active filters, each with the address of the list without it."""
        return [
            Chip(one.name, words, self.to(**{one.name: None}))
            for one in FILTERS
            if (value := query.filters.get(one.field)) is not None
            and (words := chip_words(one.name, value, choices, viewer_id))
        ]

    def _changed(self, changes: dict[str, str | None]) -> dict[str, Any]:
        values = {**self._values, **changes}
        return {name: value for name, value in values.items() if value}


def chip_words(name: str, value: Any, choices: DeskChoices, viewer_id: int) -> str:
    """Words for a filter, such as `Client: Acme`."""
    if name in FLAGS:
        return FLAGS[name]
    if name == "q":
        return f"Search: {value}"
    if name == "indicator":
        return f"Indicator: {value.words}"
    if name == "organization":
        return f"Huntress organization: {value[1]}"
    if name == "watching":
        return "Watched by me"
    if name == "host":
        return f"Host or identity: {value}"
    if name == "assignee":
        named = {NOBODY: "nobody", viewer_id: "me"}
        return f"Assignee: {named.get(value) or _name_of(choices.users, value)}"
    if name in AGES:
        return f"{AGE_WORDS[name]} {hours_words(value)}"
    if name == "closed_as":
        return f"Closed as: {CLOSE_REASONS[value]}"
    if name in ("source", "severity"):
        return f"{name.capitalize()}: {(SOURCES | SEVERITIES)[value]}"
    rows: dict[str, Sequence[Any]] = {
        "priority": choices.priorities,
        "client": choices.clients,
        "status": choices.statuses,
        "board": choices.boards,
    }
    return f"{name.capitalize()}: {_name_of(rows[name], value)}"


def _name_of(rows: Sequence[Any], row_id: int) -> str:
    return next((str(row.name) for row in rows if row.id == row_id), str(row_id))


def built_in_views(choices: DeskChoices) -> Iterator[tuple[str, str]]:
    """The name and query string of each view that everybody has."""
    yield "Mine", "assignee=me"
    yield "Watching", "watching=me"
    yield "Unassigned", "assignee=nobody"
    yield "Triage", "triage=1&sort=oldest"
    for priority in choices.priorities[:1]:
        yield f"{priority.name} open", f"priority={priority.id}"
    yield "Overdue", "overdue=1&sort=due"
    yield "Waiting", "waiting=1"
    yield "Untouched for 24 hours", "untouched_for=24&sort=oldest"
    yield "Raised above its priority", "raised=1"
    yield "Closed in Huntress but open here", "closed_in_huntress=1"
    yield "Closed here but open in Huntress", "open_in_huntress=1&state=closed"
