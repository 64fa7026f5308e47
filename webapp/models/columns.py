"""Column types and helpers that every model uses."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAME_LENGTH = 200
"""The longest name that people can give to a client, a board, a connection or themselves."""


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a zone, stored in UTC; a time without a zone raises ValueError.

    SQLite stores no zone. What is read is in UTC.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def reference(target: str, *, index: bool = True, **options: Any) -> Mapped[Any]:
    """A foreign key column; the row that it points to cannot be deleted."""
    return mapped_column(ForeignKey(target, ondelete="RESTRICT"), index=index, **options)
