"""Counting rows by what they belong to."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session


def count_by(session: Session, query: Select[Any, int]) -> dict[int, int]:
    """The counts of a query of (key, count), by key; rows without a key are left out."""
    return {row[0]: row[1] for row in session.execute(query) if row[0] is not None}
