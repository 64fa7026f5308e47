"""Attaching runbooks to tickets that a poll writes, with few statements for a whole batch."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident
from webapp.domain.runbooks.runbooks import RunbookRule, choose_runbook, runbook_facts
from webapp.models import Runbook, TicketRunbook


class RunbookAttacher:
    """Collects the runbooks that fit incidents, and attaches them together.

    The runbooks are read once, and only if there is a ticket for them.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._runbooks: dict[int, Runbook] | None = None
        self._rules: list[RunbookRule] = []
        self._rows: list[dict[str, Any]] = []
        self._may_have_some: set[int] = set()

    def add(self, ticket_id: int, incident: Incident, *, is_new: bool = True) -> None:
        """Attach the runbook that fits `incident`, if there is one.

        One that is not new may have this runbook already, and keeps it as it is.
        """
        runbooks = self._load()
        rule = choose_runbook(self._rules, runbook_facts(incident))
        if rule is None:
            return
        if not is_new:
            self._may_have_some.add(ticket_id)
        self._rows.append(checklist_values(ticket_id, runbooks[rule.id], self._now))

    def write(self) -> None:
        """Insert what was collected, in the caller's transaction."""
        had = self._attached(self._may_have_some)
        rows = [row for row in self._rows if (row["ticket_id"], row["runbook_id"]) not in had]
        self._rows = []
        if rows:
            self._session.execute(insert(TicketRunbook), rows)

    def _load(self) -> dict[int, Runbook]:
        if self._runbooks is None:
            # Locked, so that none is deleted before the tickets point to it.
            query = select(Runbook).where(Runbook.is_active).order_by(Runbook.id)
            found = self._session.scalars(query.with_for_update(read=True, key_share=True))
            self._runbooks = {runbook.id: runbook for runbook in found}
            self._rules = [as_runbook_rule(runbook) for runbook in self._runbooks.values()]
        return self._runbooks

    def _attached(self, ticket_ids: Iterable[int]) -> set[tuple[int, int | None]]:
        if not ticket_ids:
            return set()
        query = select(TicketRunbook.ticket_id, TicketRunbook.runbook_id)
        found = self._session.execute(query.where(TicketRunbook.ticket_id.in_(ticket_ids)))
        return {(row.ticket_id, row.runbook_id) for row in found}


def as_runbook_rule(runbook: Runbook) -> RunbookRule:
    """The conditions of a runbook as data."""
    return RunbookRule(
        id=runbook.id,
        position=runbook.position,
        kinds=frozenset(runbook.kinds),
        severities=frozenset(runbook.severities),
        platforms=frozenset(runbook.platforms),
    )


def checklist_values(ticket_id: int, runbook: Runbook, now: datetime) -> dict[str, Any]:
    """The columns of a ticket's checklist: the runbook as it is now."""
    return {
        "ticket_id": ticket_id,
        "runbook_id": runbook.id,
        "name": runbook.name,
        "version": runbook.version,
        "body": runbook.body,
        "attached_at": now,
    }
