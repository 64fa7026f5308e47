"""The operators of a search as filters of the list, and as SQL where the list has no such filter.

Names are found by the beginning of any of their words, whatever their accents and case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from webapp.domain.searching.fold_letters import fold_letters, pattern_of
from webapp.domain.searching.operators import AGE_OPERATORS, Operator, ParsedSearch, hours_of_span
from webapp.models import Board, Client, Priority, Status, Ticket, User

ME = "me"
NOBODY = "nobody"

Filters = list[tuple[str, Any]]
NamedRows = Mapping[tuple[str, str], Sequence[int]]
"""The ids of the rows that operators name, by what the operator asks for and its value."""


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
    """Return the operators that are filters of the list: fields of TicketQuery and their values.

    The one that is no field is `reference`.
    """
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
        elif one.asks == "reference":
            found.append(("reference", one.value))
        elif one.asks in _WORDS:
            found.append((_WORDS[one.asks], word))
    return found


def find_named(session: Session, parsed: ParsedSearch) -> NamedRows:
    """Find what operators name, in one statement; in none where no operator names anything.

    A query of several parts would compare all names anew in each of them.
    """
    asked = list(dict.fromkeys(_key(one) for one in parsed.operators if _is_named(one)))
    if not asked:
        return {}
    parts = [
        select(literal(place).label("place"), _NAMED[asks][1](value).subquery().c.id)
        for place, (asks, value) in enumerate(asked)
    ]
    found: dict[tuple[str, str], list[int]] = {key: [] for key in asked}
    for place, row_id in session.execute(union_all(*parts)):
        found[asked[place]].append(row_id)
    return found


def operator_conditions(
    parsed: ParsedSearch, now: datetime, named: NamedRows | None = None
) -> list[ColumnElement[bool]]:
    """Return SQL for the operators that no filter of the list is for.

    Without the rows that they name, the SQL looks for these itself.
    """
    found = [_condition(one, now, named or {}) for one in parsed.operators]
    return [condition for condition in found if condition is not None]


def _condition(one: Operator, now: datetime, named: NamedRows) -> ColumnElement[bool] | None:
    if one.asks == "is":
        state = _TIMES.get(fold_letters(one.value))
        return state(now) if state else None
    if one.asks in AGE_OPERATORS:
        return AGE_CONDITIONS[one.asks](now - timedelta(hours=hours_of_span(one.value) or 0))
    if not _is_named(one):
        return None
    column, search = _NAMED[one.asks]
    ids = named.get(_key(one))
    among: ColumnElement[bool] = column.in_(search(one.value) if ids is None else _written(ids))
    return among


def _is_named(one: Operator) -> bool:
    is_person = one.asks == "assignee" and fold_letters(one.value) in (ME, NOBODY)
    return one.asks in _NAMED and not is_person


def _key(one: Operator) -> tuple[str, str]:
    return one.asks, one.value


def _written(ids: Sequence[int]) -> BindParameter[Sequence[int]]:
    """Ids that are written into the statement: there may be thousands."""
    return bindparam("named", ids, expanding=True, literal_execute=True, unique=True)


def _people(value: str) -> Select[int]:
    return select(User.id).where(or_(has_word(User.name, value), User.email == value.lower()))


def _ids_of(model: Any, value: str) -> Select[int]:
    return select(model.id).where(has_word(model.name, value))


def _folded_pattern(value: str) -> str:
    return rf"(^|[^[:alnum:]]){re.escape(fold_letters(value))}"


def with_reference(value: str) -> Select[Any]:
    """SQL for the ids of the tickets whose PSA reference has a word that begins with `value`.

    It reads an index of all references, and looks closely at few of them.
    """
    found = select(_REFERRING.id).where(_REFERRING.external_reference.is_not(None))
    digits = max(re.findall("[0-9]+", value), key=len, default="")
    if digits:
        found = found.where(_REFERRING.external_reference.contains(digits))
    return found.where(has_word(_REFERRING.external_reference, value))


_REFERRING = aliased(Ticket)
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
_NAMED: dict[str, tuple[Any, Callable[[str], Select[int]]]] = {
    "client": (Ticket.client_id, lambda value: _ids_of(Client, value)),
    "status": (Ticket.status_id, lambda value: _ids_of(Status, value)),
    "priority": (Ticket.priority_id, lambda value: _ids_of(Priority, value)),
    "board": (Ticket.board_id, lambda value: _ids_of(Board, value)),
    "assignee": (Ticket.assignee_id, _people),
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
