"""Keyset paging: a page starts where the last one ended, even if rows were added in between."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.domain.untrusted import parse_moment
from webapp.models.columns import UtcDateTime

Row = TypeVar("Row")

MARK_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Order:
    """A column to sort by and the path from a row to its value; the column is never null."""

    column: InstrumentedAttribute[Any]
    path: str
    descending: bool = False


class Keyset:
    """A sort order over columns that are unique together."""

    def __init__(self, *orders: Order) -> None:
        self.orders = orders

    def clauses(self, *, reverse: bool) -> list[ColumnElement[Any]]:
        """The clauses for ORDER BY; `reverse` turns the order around."""
        return [
            order.column.desc() if order.descending != reverse else order.column.asc()
            for order in self.orders
        ]

    def beyond(self, values: Sequence[Any], *, reverse: bool) -> ColumnElement[bool]:
        """The condition for rows after the row with `values`, or before it with `reverse`."""
        alternatives = []
        for position, order in enumerate(self.orders):
            same = [
                earlier.column == value
                for earlier, value in zip(self.orders[:position], values, strict=False)
            ]
            is_less = order.descending != reverse
            value = values[position]
            further = order.column < value if is_less else order.column > value
            alternatives.append(and_(*same, further))
        return or_(*alternatives)

    def mark(self, row: Any) -> str:
        """A short text that names the place of `row` in this order; safe in a URL."""
        values = [_plain(attrgetter(order.path)(row)) for order in self.orders]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    def read_mark(self, mark: str | None) -> list[Any] | None:
        """The values that `mark` holds, or None where it does not belong to this order."""
        if not mark or len(mark) > MARK_LENGTH:
            return None
        try:
            values = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        except (ValueError, binascii.Error, RecursionError):
            return None
        if not isinstance(values, list) or len(values) != len(self.orders):
            return None
        read = [
            _read(value, isinstance(order.column.type, UtcDateTime))
            for value, order in zip(values, self.orders, strict=True)
        ]
        return None if any(value is None for value in read) else read


@dataclass(frozen=True, slots=True)
class PageOfRows(Generic[Row]):
    """A page of rows in order; a mark is None if there is no next or previous page."""

    rows: Sequence[Row]
    next_mark: str | None = None
    previous_mark: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: next to the row with `values`, or at the top if `values` is None."""

    values: Sequence[Any] | None
    is_backwards: bool = False


def read_page(
    session: Session,
    statement: Select[Row],
    keyset: Keyset,
    size: int,
    *,
    after: str | None = None,
    before: str | None = None,
) -> PageOfRows[Row]:
    """Read the `size` rows of `statement` next to a mark, or from the top without a usable mark."""
    place = read_place(keyset, after=after, before=before)
    if place.values:
        statement = statement.where(keyset.beyond(place.values, reverse=place.is_backwards))
    ordered = statement.order_by(*keyset.clauses(reverse=place.is_backwards)).limit(size + 1)
    found = list(session.scalars(ordered).unique())
    return page_of(found[:size], keyset, place, has_more=len(found) > size)


def read_place(keyset: Keyset, *, after: str | None, before: str | None) -> Place:
    """Where the page begins: next to a usable mark, otherwise at the top."""
    earlier = keyset.read_mark(before)
    later = None if earlier else keyset.read_mark(after)
    return Place(earlier or later, is_backwards=earlier is not None)


def page_of(
    found: Sequence[Row], keyset: Keyset, place: Place, *, has_more: bool
) -> PageOfRows[Row]:
    """Build the page from rows that were read from `place` on, in the direction of reading."""
    rows = list(reversed(found)) if place.is_backwards else list(found)
    if not rows:
        return PageOfRows(rows)
    has_next = place.is_backwards or has_more
    has_previous = has_more if place.is_backwards else place.values is not None
    return PageOfRows(
        rows,
        next_mark=keyset.mark(rows[-1]) if has_next else None,
        previous_mark=keyset.mark(rows[0]) if has_previous else None,
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(value: Any, is_time: bool) -> Any:
    """Read a value of a mark;

    None if it is not of the column's kind, as a mark comes from a URL.
    """
    if is_time:
        return parse_moment(value)
    return value if type(value) is int and abs(value) < 2**31 else None
