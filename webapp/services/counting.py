"""Counting rows by what they belong to."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session


def count_by(session: Session, query: Select[Any, int]) -> dict[int, int]:
    """Run a query of (key, count) and return the counts by key; rows without a key are left out."""
    return {row[0]: row[1] for row in session.execute(query) if row[0] is not None}
