"""The filters of the ticket list, and their SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, aliased

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
from webapp.services.tickets.search_tickets import Among, Matches, find_all_matches, find_matches
from webapp.services.tickets.searching.operator_conditions import (
    AGE_CONDITIONS,
    find_named,
    list_operator_filters,
    operator_conditions,
    with_reference,
)
from webapp.services.tickets.searching.operator_conditions import (
    NOBODY as NOBODY,
)
from webapp.services.tickets.searching.written_ids import is_among
from webapp.services.tickets.ticket_sorts import BY_DUE, DEFAULT_SORTS, SORTS

UNTOUCHED = Ticket.untouched_since.is_not(None)
"""SQL for tickets that wait for a person: untouched so far, or back from waiting."""

FEW = 10_000
"""So many tickets that another table names are written into the statements of a list."""

_OTHER_TICKET = aliased(Ticket)
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

    With a `session`, names in the search and tickets that other tables name are looked for first;
    else the SQL does it, which takes longer where it is part of several statements.
    """
    parsed = query.parsed_search
    asked = [*query.filters.items(), *list_operator_filters(parsed, query.viewer_id)]
    conditions = [_CONDITIONS[name](value) for name, value in asked if name in _CONDITIONS]
    conditions += [
        _is_one_of(session, _SETS[name](value)) for name, value in asked if name in _SETS
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
    return find_matches(session, query.search, _searched(query, conditions), limit=limit)


def find_searched_in_tabs(
    session: Session, query: TicketQuery, conditions: Sequence[ColumnElement[bool]]
) -> tuple[Matches, Matches] | None:
    """What find_searched finds in the tab, and in the other tab."""
    if not query.has_text:
        return None
    other_tab = replace(query, is_closed=not query.is_closed, below_id=None)
    searched = [_searched(one, conditions) for one in (query, other_tab)]
    here, there = find_all_matches(session, query.search, searched)
    return here, there


def _searched(query: TicketQuery, conditions: Sequence[ColumnElement[bool]]) -> Among:
    if query.is_closed and not conditions:
        # Nearly all tickets are closed: those that are not are found sooner.
        return Among(without=in_tab(False), below_id=query.below_id)
    return Among([in_tab(query.is_closed), *conditions], below_id=query.below_id)


def _is_one_of(session: Session | None, found: Select[Any]) -> ColumnElement[bool]:
    """SQL for the tickets that `found` names: by their ids if they are few, else row by row."""
    if session is not None:
        ids = session.scalars(found.limit(FEW + 1)).all()
        if len(ids) <= FEW:
            return is_among(ids)
    [ticket_id] = found.selected_columns
    return found.where(ticket_id == Ticket.id).correlate(Ticket).exists()


def _has_assignee(value: int | str) -> ColumnElement[bool]:
    return Ticket.assignee_id.is_(None) if value == NOBODY else Ticket.assignee_id == value


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


def _watched_by(user_id: int) -> Select[Any]:
    return select(TicketWatcher.ticket_id).where(TicketWatcher.user_id == user_id)


def _left_in_huntress(_: bool) -> Select[Any]:
    others = select(_OTHER_TICKET.id).where(_OTHER_TICKET.closed_at.is_(None))
    return select(Alert.ticket_id).where(
        is_open(), Alert.ticket_id.is_not(None), Alert.ticket_id.not_in(others)
    )


def _with_indicator(value: IndicatorFilter) -> Select[Any]:
    return select(Indicator.ticket_id).where(Indicator.key == value.key)


def _of_organization(value: tuple[int, str]) -> Select[Any]:
    connection_id, organization_id = value
    return select(Alert.ticket_id).where(
        Alert.organization_external_id == organization_id,
        Alert.connection_id == connection_id,
        Alert.ticket_id.is_not(None),
    )


_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "board_id": lambda value: Ticket.board_id == value,
    "client_id": lambda value: Ticket.client_id == value,
    "priority_id": lambda value: Ticket.priority_id == value,
    "status_id": lambda value: Ticket.status_id == value,
    "assignee": _has_assignee,
    "source": lambda value: Ticket.source == value,
    "severity": lambda word: _has_incident(has_severity(word)),
    "is_triage": lambda _: in_triage(),
    "is_unmapped": lambda _: Ticket.is_unmapped.is_(True),
    "is_untouched": lambda _: UNTOUCHED,
    "is_closed_in_huntress": _is_over_in_huntress,
    "is_waiting": lambda _: Ticket.waiting_until.is_not(None),
    "close_reason": lambda word: Ticket.close_reason == word,
    "subject": lambda name: Ticket.subject_key.in_(subject_keys(name)),
    "is_raised": lambda _: Ticket.raised_severity.is_not(None),
    "lacks_reference": lambda _: Ticket.external_reference.is_(None),
}
_SETS: dict[str, Callable[[Any], Select[Any]]] = {
    "watcher_id": _watched_by,
    "is_open_in_huntress": _left_in_huntress,
    "indicator": _with_indicator,
    "organization": _of_organization,
    "reference": with_reference,
}
"""SQL for the ids of the tickets that rows of other tables name."""
_AGES = {
    "untouched_hours": AGE_CONDITIONS["untouched_for"],
    "older_hours": AGE_CONDITIONS["older_than"],
    "within_hours": AGE_CONDITIONS["within"],
}
