"""Keeping the indicators of tickets: they are those of the report as it is known now."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident
from webapp.domain.triage.indicators import find_indicators, indicator_texts
from webapp.models import Indicator
from webapp.services.transactions import NO_SYNC

ROWS_AT_ONCE = 2_000


def write_indicators(
    session: Session, reports: Mapping[int, Incident], *, are_new: bool = False
) -> None:
    """Write the indicators of `reports`, which are those of tickets by their ids.

    The tickets belong to the caller's transaction: they are locked, or `are_new`. What was written
    of them before is replaced, so it may be done any number of times.
    """
    if not reports:
        return
    if not are_new:
        session.execute(
            delete(Indicator).where(Indicator.ticket_id.in_(sorted(reports))),
            execution_options=NO_SYNC,
        )
    rows = [row for ticket_id, report in reports.items() for row in _rows(ticket_id, report)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        # What is returned, nobody reads: with it, the rows go in one statement, and PostgreSQL
        # writes the words of a ticket once and not for each of its indicators.
        session.execute(
            insert(Indicator).returning(Indicator.id), rows[start : start + ROWS_AT_ONCE]
        )


def _rows(ticket_id: int, report: Incident) -> list[dict[str, Any]]:
    return [
        {"ticket_id": ticket_id, "kind": one.kind.value, "value": one.value, "key": one.key}
        for one in find_indicators(indicator_texts(report))
    ]
