"""Tickets by ids that are written into a statement.

To send thousands of parameters, or to write thousands of numbers one by one, takes longer than a
search. So they are one text, which the database takes apart.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean

from webapp.models import Ticket


class _is_written(FunctionElement[bool]):  # noqa: N801 - it is written like a function of SQL
    inherit_cache = True
    type = Boolean()


@compiles(_is_written, "sqlite")
def _for_sqlite(element: _is_written, compiler: SQLCompiler, **options: Any) -> str:
    column, ids = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each('[' || {ids} || ']'))"  # noqa: S608


@compiles(_is_written, "postgresql")
def _for_postgresql(element: _is_written, compiler: SQLCompiler, **options: Any) -> str:
    """The planner sees a constant, and looks each ticket up in it as in a set."""
    column, ids = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY (CAST(string_to_array({ids}, ',') AS integer[]))"


def is_among(ids: Iterable[int]) -> ColumnElement[bool]:
    """SQL for the tickets with these ids."""
    written = ",".join(str(int(one)) for one in ids)
    return _is_written(
        Ticket.id, bindparam("ids", written, String, literal_execute=True, unique=True)
    )
