"""The operators of a search as filters of the list, and as SQL where the list has no such filter.

Names are found by the beginning of any of their words, whatever their accents and case.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from webapp.domain.searching.fold_letters import fold_letters, pattern_of
from webapp.domain.searching.operators import AGE_OPERATORS, Operator, ParsedSearch, read_hours
from webapp.models import Board, Client, Priority, Status, Ticket, User

ME = "me"
NOBODY = "nobody"

Filters = list[tuple[str, Any]]


class has_word(FunctionElement[bool]):  # noqa: N801 - it is written like a function of SQL
    """SQL for: a word in `name` begins with `value`; accents and case do not matter."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, name: Any, value: str) -> None:
        super().__init__(name, f"(?i)(?<![^\\W_]){pattern_of(value)}", _folded_pattern(value))


@compiles(has_word, "sqlite")
def _for_sqlite(element: has_word, compiler: SQLCompiler, **options: Any) -> str:
    """SQLAlchemy gives each of SQLite's connections a REGEXP that is Python's."""
    name, pattern, _ = element.clauses
    return f"{compiler.process(name, **options)} REGEXP {compiler.process(pattern, **options)}"


@compiles(has_word, "postgresql")
def _for_postgresql(element: has_word, compiler: SQLCompiler, **options: Any) -> str:
    name, _, folded = element.clauses
    words = compiler.process(name, **options)
    return f"lower(ticket_search_fold({words})) ~ {compiler.process(folded, **options)}"


def list_operator_filters(parsed: ParsedSearch, viewer_id: int | None) -> Filters:
    """Return the operators that are filters of the list: fields of TicketQuery and their values."""
    found: Filters = []
    for one in parsed.operators:
        word = fold_letters(one.value)
        if one.asks == "is" and word in _STATES:
            found.append((_STATES[word], True))
        elif (one.asks, word) in (("is", "mine"), ("assignee", ME)):
            found.append(("assignee", viewer_id or 0))
        elif (one.asks, word) in (("is", "unassigned"), ("assignee", NOBODY)):
            found.append(("assignee", NOBODY))
        elif (one.asks, word) == ("is", "watching"):
            found.append(("watcher_id", viewer_id or 0))
        elif one.asks in _WORDS:
            found.append((_WORDS[one.asks], word))
    return found


def operator_conditions(parsed: ParsedSearch, now: datetime) -> list[ColumnElement[bool]]:
    """Return SQL for the operators that no filter of the list is for."""
    found = [_condition(one, now) for one in parsed.operators]
    return [condition for condition in found if condition is not None]


def _condition(one: Operator, now: datetime) -> ColumnElement[bool] | None:
    word = fold_letters(one.value)
    if one.asks == "is":
        state = _TIMES.get(word)
        return state(now) if state else None
    if one.asks in AGE_OPERATORS:
        return AGE_CONDITIONS[one.asks](now - timedelta(hours=read_hours(one.value) or 0))
    if one.asks == "assignee":
        return None if word in (ME, NOBODY) else Ticket.assignee_id.in_(_people(one.value))
    named = _NAMED.get(one.asks)
    return named(one.value) if named else None


def _people(value: str) -> Select[int]:
    return select(User.id).where(or_(has_word(User.name, value), User.email == value.lower()))


def _ids_of(model: Any, value: str) -> Select[int]:
    return select(model.id).where(has_word(model.name, value))


def _folded_pattern(value: str) -> str:
    return rf"(^|[^[:alnum:]]){re.escape(fold_letters(value))}"


def _has_reference(value: str) -> ColumnElement[bool]:
    return Ticket.external_reference.is_not(None) & has_word(Ticket.external_reference, value)


_STATES = {
    "untouched": "is_untouched",
    "unmapped": "is_unmapped",
    "triage": "is_triage",
    "waiting": "is_waiting",
    "raised": "is_raised",
    "no_reference": "lacks_reference",
    "closed_in_huntress": "is_closed_in_huntress",
    "open_in_huntress": "is_open_in_huntress",
}
_WORDS = {"severity": "severity", "source": "source", "closed_as": "close_reason"}
_NAMED: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "client": lambda value: Ticket.client_id.in_(_ids_of(Client, value)),
    "status": lambda value: Ticket.status_id.in_(_ids_of(Status, value)),
    "priority": lambda value: Ticket.priority_id.in_(_ids_of(Priority, value)),
    "board": lambda value: Ticket.board_id.in_(_ids_of(Board, value)),
    "reference": _has_reference,
}
_TIMES: dict[str, Callable[[datetime], ColumnElement[bool]]] = {
    "open": lambda _: Ticket.closed_at.is_(None),
    "closed": lambda _: Ticket.closed_at.is_not(None),
    "overdue": lambda now: Ticket.due_at <= now,
}
AGE_CONDITIONS: dict[str, Callable[[datetime], ColumnElement[bool]]] = {
    "older_than": lambda time: Ticket.reported_at <= time,
    "within": lambda time: Ticket.reported_at >= time,
    "untouched_for": lambda time: Ticket.untouched_since <= time,
}
"""SQL for each of AGE_OPERATORS, counted back to a time."""
