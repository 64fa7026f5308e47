"""Reading the address of the ticket list as a query."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from webapp.domain.incident import Severity
from webapp.domain.search_query import SEARCH_LENGTH
from webapp.domain.searching.operators import MAX_HOURS
from webapp.domain.triage.close_reasons import CloseReason
from webapp.domain.triage.indicator_kinds import LONGEST_VALUE, is_indicator_key
from webapp.domain.triage.indicators import read_indicator
from webapp.domain.triage.subjects import SUBJECT_NAME_LENGTH
from webapp.domain.untrusted import clean_line, parse_id
from webapp.models.ticket import SOURCE_HUNTRESS, SOURCE_MANUAL
from webapp.services.tickets.list_tickets import NOBODY, SORTS, TicketQuery
from webapp.services.tickets.searching.operator_conditions import ME as ME
from webapp.services.tickets.ticket_filters import IndicatorFilter
from webapp.web.params import read_number

CLOSED = "closed"
SOURCES = {SOURCE_HUNTRESS: "Huntress", SOURCE_MANUAL: "Manual"}
SEVERITIES = {one.value: one.value.capitalize() for one in reversed(Severity)}

CLOSE_REASONS = {one.value: one.words.capitalize() for one in CloseReason}

Reader = Callable[[str, int], Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: its name in the address, its field of TicketQuery, and how to read its value.

    `read` gets the text and the viewer's id; it returns None for a text that makes no sense.
    """

    name: str
    field: str
    words: str
    read: Reader


def _subject(text: str, _: int) -> str | None:
    return clean_line(text, SUBJECT_NAME_LENGTH)


def _number(text: str, _: int) -> int | None:
    return read_number(text)


def _hours(text: str, _: int) -> int | None:
    number = read_number(text)
    return number if number and number <= MAX_HOURS else None


def _flag(text: str, _: int) -> bool | None:
    return True if text == "1" else None


def _assignee(text: str, viewer_id: int) -> int | str | None:
    if text == ME:
        return viewer_id
    return NOBODY if text == NOBODY else read_number(text)


def _watching(text: str, viewer_id: int) -> int | None:
    return viewer_id if text == ME else None


def _one_of(words: Mapping[str, str]) -> Reader:
    return lambda text, _: text if text in words else None


def _indicator(text: str, _: int) -> IndicatorFilter | None:
    if is_indicator_key(text):
        return IndicatorFilter(text, f"the one with the key {text[:8]}…", text)
    typed = clean_line(text, LONGEST_VALUE) or ""
    found = read_indicator(typed)
    return IndicatorFilter(found.key, found.value, typed) if found else None


def _organization(text: str, _: int) -> tuple[int, str] | None:
    connection, _colon, organization = text.partition(":")
    number, key = read_number(connection), parse_id(organization)
    return (number, key) if number and key else None


FILTERS = (
    Filter("q", "search", "search", lambda text, _: clean_line(text, SEARCH_LENGTH)),
    Filter("priority", "priority_id", "priority", _number),
    Filter("client", "client_id", "client", _number),
    Filter("assignee", "assignee", "assignee", _assignee),
    Filter("status", "status_id", "status", _number),
    Filter("board", "board_id", "board", _number),
    Filter("source", "source", "source", _one_of(SOURCES)),
    Filter("severity", "severity", "severity", _one_of(SEVERITIES)),
    Filter("older_than", "older_hours", "age", _hours),
    Filter("within", "within_hours", "age", _hours),
    Filter("untouched_for", "untouched_hours", "time untouched", _hours),
    Filter("watching", "watcher_id", "watching", _watching),
    Filter("triage", "is_triage", "triage queue", _flag),
    Filter("unmapped", "is_unmapped", "unmapped", _flag),
    Filter("untouched", "is_untouched", "untouched", _flag),
    Filter("closed_in_huntress", "is_closed_in_huntress", "closed in Huntress", _flag),
    Filter("waiting", "is_waiting", "waiting", _flag),
    Filter("overdue", "is_overdue", "overdue", _flag),
    Filter("closed_as", "close_reason", "reason of closing", _one_of(CLOSE_REASONS)),
    Filter("open_in_huntress", "is_open_in_huntress", "open in Huntress", _flag),
    Filter("indicator", "indicator", "indicator", _indicator),
    Filter("organization", "organization", "organization", _organization),
    Filter("host", "subject", "host or identity", _subject),
    Filter("raised", "is_raised", "raised severity", _flag),
    Filter("no_reference", "lacks_reference", "no PSA reference", _flag),
)
KEPT = (*(one.name for one in FILTERS), "state", "sort")


def read_query(values: MultiDict[str, str], viewer_id: int) -> tuple[TicketQuery, tuple[str, ...]]:
    """The query that an address asks for, and the words for filters in it that make no sense."""
    read: dict[str, Any] = {}
    ignored = []
    for one in FILTERS:
        text = values.get(one.name)
        if not text:
            continue
        value = one.read(text, viewer_id)
        if value is None:
            ignored.append(one.words)
        else:
            read[one.field] = value
    if values.get("sort") not in (None, "", *SORTS):
        ignored.append("order")
    if values.get("state") not in (None, "", "open", CLOSED):
        ignored.append("state")
    query = TicketQuery(
        is_closed=values.get("state") == CLOSED,
        sort=values.get("sort") if values.get("sort") in SORTS else None,
        after=values.get("after"),
        before=values.get("before"),
        below_id=read_number(values.get("below")),
        viewer_id=viewer_id,
        **read,
    )
    return query, tuple(dict.fromkeys(ignored))
