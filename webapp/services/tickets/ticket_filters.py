"""The filters of the ticket list, and their SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, or_, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Severity
from webapp.domain.searching.operators import (
    MAX_HOURS,
    ParsedSearch,
    is_text_search,
    parse_operators,
)
from webapp.domain.triage.subjects import subject_keys
from webapp.models import Alert, Connection, Indicator, Ticket, TicketWatcher
from webapp.models.alert import is_open
from webapp.services.tickets.search_tickets import Among, Matches, find_matches
from webapp.services.tickets.searching.operator_conditions import (
    AGE_CONDITIONS,
    find_named,
    list_operator_filters,
    operator_conditions,
)
from webapp.services.tickets.searching.operator_conditions import (
    NOBODY as NOBODY,
)
from webapp.services.tickets.ticket_sorts import BY_DUE, DEFAULT_SORTS, SORTS

UNTOUCHED = Ticket.untouched_since.is_not(None)
"""SQL for tickets that wait for a person: untouched so far, or back from waiting."""

_NOT_FILTERS = frozenset({"is_closed", "sort", "after", "before", "below_id", "viewer_id"})


@dataclass(frozen=True, slots=True)
class IndicatorFilter:
    """An indicator of compromise to filter by: its key (see FoundIndicator), words for it, and the
    text that it was read from."""

    key: str
    words: str
    typed: str


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """The filters, the sort and the place of a page of tickets.

    A filter that is None or empty hides nothing. `assignee` is a user's id or NOBODY; `severity` is
    a word of domain.incident.Severity; `watcher_id` is for tickets that a person watches. Hours
    count back from now: `within_hours` is for tickets reported since then, `older_hours` for
    tickets reported before, `untouched_hours` for those that have waited untouched since before.
    For `is_triage` see in_triage; for `is_untouched` see
    UNTOUCHED. `is_closed_in_huntress` is for open tickets whose incident is closed at Huntress, and
    `is_open_in_huntress` for closed tickets whose incident is open there. `indicator` is the key of
    an indicator of compromise, with the words that say which. `organization` is the id of a
    connection and of an organization at Huntress.

    `subject` is the name of a host or identity, in any case. `is_raised` is for tickets whose
    severity rose above the priority that a person chose, `lacks_reference` for those without a PSA
    reference.

    `is_waiting` is for those that wait until a moment, `is_overdue` for open ones whose time is
    over, and `close_reason` is a word of domain.triage.close_reasons.

    `sort` is a key of SORTS; anything else means the default of the tab. `after` and `before` are
    the marks of a page's last and first row. `search` may hold operators (domain.searching); who
    "me" is in them says `viewer_id`. `below_id` is for a search that found too many: it
    looks only at tickets with a lower id.
    """

    is_closed: bool = False
    board_id: int | None = None
    client_id: int | None = None
    priority_id: int | None = None
    status_id: int | None = None
    assignee: int | str | None = None
    source: str | None = None
    severity: str | None = None
    watcher_id: int | None = None
    is_triage: bool = False
    is_unmapped: bool = False
    is_untouched: bool = False
    is_closed_in_huntress: bool = False
    is_open_in_huntress: bool = False
    is_waiting: bool = False
    is_overdue: bool = False
    close_reason: str | None = None
    indicator: IndicatorFilter | None = None
    organization: tuple[int, str] | None = None
    subject: str | None = None
    is_raised: bool = False
    lacks_reference: bool = False
    untouched_hours: int | None = None
    older_hours: int | None = None
    within_hours: int | None = None
    search: str = ""
    sort: str | None = None
    after: str | None = None
    before: str | None = None
    below_id: int | None = None
    viewer_id: int | None = None

    @property
    def parsed_search(self) -> ParsedSearch:
        """What the search asks for."""
        return parse_operators(self.search)

    @property
    def has_text(self) -> bool:
        """Whether the index is searched; operators that are filters need it not."""
        return is_text_search(self.parsed_search)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that hide tickets, by field name."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.name not in _NOT_FILTERS and getattr(self, one.name) != one.default
        }

    @property
    def sort_name(self) -> str:
        """The name of the sort that applies; nothing that is closed is due."""
        is_known = self.sort in SORTS and not (self.is_closed and self.sort == BY_DUE)
        return self.sort if self.sort and is_known else DEFAULT_SORTS[self.is_closed]

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter hides tickets of this tab."""
        return bool(self.filters)


def in_triage() -> ColumnElement[bool]:
    """SQL for the triage queue: tickets on a fallback board of a connection, or unmapped."""
    return or_(
        Ticket.board_id.in_(
            select(Connection.fallback_board_id).where(Connection.fallback_board_id.is_not(None))
        ),
        Ticket.is_unmapped,
    )


def in_tab(is_closed: bool) -> ColumnElement[bool]:
    """SQL for open or closed tickets; a closed ticket has a closed time (see ticket_state)."""
    return Ticket.closed_at.is_not(None) if is_closed else Ticket.closed_at.is_(None)


def build_conditions(
    query: TicketQuery, now: datetime, session: Session | None = None
) -> list[ColumnElement[bool]]:
    """SQL for the filters of `query` and for those in its search; not for its tab or its text.

    With a `session`, names in the search are looked for first; else the SQL does it, which takes
    longer where it is part of several statements.
    """
    conditions = [
        condition(value)
        for name, value in query.filters.items()
        if (condition := _CONDITIONS.get(name))
    ]
    conditions += [
        condition(now - timedelta(hours=min(hours, MAX_HOURS)))
        for name, condition in _AGES.items()
        if (hours := getattr(query, name)) is not None
    ]
    if query.is_overdue:
        conditions.append(Ticket.due_at <= now)
    if query.sort_name == BY_DUE:
        conditions.append(Ticket.due_at.is_not(None))
    parsed = query.parsed_search
    conditions += [
        _CONDITIONS[name](value) for name, value in list_operator_filters(parsed, query.viewer_id)
    ]
    named = find_named(session, parsed) if session is not None else None
    return conditions + operator_conditions(parsed, now, named)


def find_searched(
    session: Session,
    query: TicketQuery,
    conditions: Sequence[ColumnElement[bool]],
    *,
    limit: int | None = None,
) -> Matches | None:
    """The tickets of the tab and the `conditions` that the search of `query` finds.

    None if it searches for no text. For `limit` see `find_matches`.
    """
    if not query.has_text:
        return None
    is_open = in_tab(False)
    among = (
        Among(conditions, without=is_open, below_id=query.below_id)
        if query.is_closed
        else Among([is_open, *conditions], below_id=query.below_id)
    )
    return find_matches(session, query.search, among, limit=limit)


def is_among(ids: Sequence[int]) -> ColumnElement[bool]:
    """SQL for the tickets with these ids.

    They are written into the statement, because sending thousands of parameters takes longer than a
    search.
    """
    values: BindParameter[Sequence[int]] = bindparam(
        "matches", ids, expanding=True, literal_execute=True
    )
    return Ticket.id.in_(values)


def _has_assignee(value: int | str) -> ColumnElement[bool]:
    return Ticket.assignee_id.is_(None) if value == NOBODY else Ticket.assignee_id == value


def _is_watched_by(user_id: int) -> ColumnElement[bool]:
    return Ticket.id.in_(select(TicketWatcher.ticket_id).where(TicketWatcher.user_id == user_id))


def has_severity(word: str) -> ColumnElement[bool]:
    """SQL for alerts with a severity, however Huntress has written it."""
    known = [one.value for one in Severity if one is not Severity.UNKNOWN]
    if word == Severity.UNKNOWN:
        return or_(Alert.parsed_severity.is_(None), Alert.parsed_severity.not_in(known))
    return Alert.parsed_severity == word


def _has_incident(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(Alert.id).where(Alert.ticket_id == Ticket.id, condition).exists()


def _is_over_in_huntress(_: bool) -> ColumnElement[bool]:
    return in_tab(False) & _has_incident(Alert.was_closed.is_(True))


def _is_left_in_huntress(_: bool) -> ColumnElement[bool]:
    # Few incidents are open, and an index names them.
    still_open = select(Alert.ticket_id).where(is_open(), Alert.ticket_id.is_not(None))
    return in_tab(True) & Ticket.id.in_(still_open)


def _has_indicator(value: IndicatorFilter) -> ColumnElement[bool]:
    return Ticket.id.in_(select(Indicator.ticket_id).where(Indicator.key == value.key))


def _is_of_organization(value: tuple[int, str]) -> ColumnElement[bool]:
    connection_id, organization_id = value
    its_own = select(Alert.ticket_id).where(
        Alert.organization_external_id == organization_id,
        Alert.connection_id == connection_id,
        Alert.ticket_id.is_not(None),
    )
    return Ticket.id.in_(its_own)


_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "board_id": lambda value: Ticket.board_id == value,
    "client_id": lambda value: Ticket.client_id == value,
    "priority_id": lambda value: Ticket.priority_id == value,
    "status_id": lambda value: Ticket.status_id == value,
    "assignee": _has_assignee,
    "source": lambda value: Ticket.source == value,
    "severity": lambda word: _has_incident(has_severity(word)),
    "watcher_id": _is_watched_by,
    "is_triage": lambda _: in_triage(),
    "is_unmapped": lambda _: Ticket.is_unmapped.is_(True),
    "is_untouched": lambda _: UNTOUCHED,
    "is_closed_in_huntress": _is_over_in_huntress,
    "is_open_in_huntress": _is_left_in_huntress,
    "is_waiting": lambda _: Ticket.waiting_until.is_not(None),
    "close_reason": lambda word: Ticket.close_reason == word,
    "indicator": _has_indicator,
    "organization": _is_of_organization,
    "subject": lambda name: Ticket.subject_key.in_(subject_keys(name)),
    "is_raised": lambda _: Ticket.raised_severity.is_not(None),
    "lacks_reference": lambda _: Ticket.external_reference.is_(None),
}
_AGES = {
    "untouched_hours": AGE_CONDITIONS["untouched_for"],
    "older_hours": AGE_CONDITIONS["older_than"],
    "within_hours": AGE_CONDITIONS["within"],
}
