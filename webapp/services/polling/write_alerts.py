"""Writing alerts, our records of the incidents of a batch, with or without a ticket."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident, with_all_remediations
from webapp.domain.plan import Action, ActionKind, Reason, usable_time, was_closed_after
from webapp.domain.watch.drill import DRILL_REASON
from webapp.models import Alert
from webapp.services.polling.held_connection import HeldConnection
from webapp.services.polling.incident_batch import BatchContext, InboxEntry, KnownAlert
from webapp.services.polling.reports.read_facts import FACTS_VERSION, NO_FACTS, alert_facts
from webapp.services.tickets.indicators.write_indicators import write_indicators


@dataclass(frozen=True, slots=True)
class Planned:
    """An inbox entry, the alert that is recorded of its incident, and the action to take."""

    entry: InboxEntry
    known: KnownAlert | None
    action: Action[int]

    @property
    def incident(self) -> Incident:
        """The incident as it was reported."""
        return self.entry.incident


class AlertWriter:
    """Changes existing alerts, and collects new ones to insert them together."""

    def __init__(
        self, session: Session, held: HeldConnection, context: BatchContext, now: datetime
    ) -> None:
        self.has_pending = False
        self._session = session
        self._held = held
        self._context = context
        self._now = now
        self._huntress_now = held.huntress_now()
        self._new: list[dict[str, Any]] = []
        self._new_reports: dict[int, Incident] = {}
        self._changed: dict[int, Alert] = {}

    def record_ticketed(self, one: Planned, ticket_id: int, *, was_pending: bool = False) -> None:
        """Record an incident whose ticket was written or changed.

        With `was_pending` the ticket's text still lacks details, even if they are known by now.
        """
        is_pending = was_pending or self._context.is_pending(one.incident)
        has_more = one.incident.remediations.has_more
        self.has_pending = self.has_pending or is_pending or has_more
        values: dict[str, Any] = {
            "ticket_id": ticket_id,
            "reason": DRILL_REASON if one.entry.is_drill else None,
            "details_pending": is_pending,
            "remediations_due_at": self._now if has_more else None,
        }
        if not has_more:
            values["all_remediations"] = None
        self._upsert(one, values)
        if one.known is not None:
            self._changed[ticket_id] = one.known.alert
        elif not one.entry.is_drill:
            self._new_reports[ticket_id] = one.incident

    def record_unticketed(self, one: Planned) -> None:
        """Record an incident without a ticket, and why it has none."""
        fetched = {"remediations_due_at": None, "all_remediations": None, "report_text": None}
        self._upsert(one, {"reason": self._reason(one), **fetched})

    def write(self) -> None:
        """Insert the new alerts, the earliest report first: the register shows the latest first.

        The indicators of all ticketed reports are written with them.
        """
        if self._new:
            inserted = sorted(self._new, key=lambda row: row["triggered_at"] or row["created_at"])
            self._session.execute(insert(Alert), inserted)
        write_indicators(self._session, self._new_reports, are_new=True)
        changed = {key: alert.read_report() for key, alert in self._changed.items()}
        reports = {key: report for key, report in changed.items() if report is not None}
        write_indicators(self._session, reports)

    def _reason(self, one: Planned) -> str | None:
        """Return why there is no ticket; "no linked ticket" does not replace an earlier reason."""
        recorded = one.known.alert.reason if one.known else None
        if one.action.reason is Reason.NO_LINKED_TICKET and recorded:
            return recorded
        return one.action.reason

    def _upsert(self, one: Planned, values: dict[str, Any]) -> None:
        values = {**self._values(one), **values}
        if one.known is not None:
            for name, value in values.items():
                setattr(one.known.alert, name, value)
            return
        self._new.append(
            {
                "connection_id": self._held.connection.id,
                "external_alert_id": one.entry.key,
                "created_at": self._now,
                "ticket_id": None,
                "is_drill": one.entry.is_drill,
                "details_pending": False,
                "all_remediations": None,
                **values,
            }
        )

    def _values(self, one: Planned) -> dict[str, Any]:
        incident, alert = one.incident, one.known.alert if one.known else None
        return {
            "status": incident.raw_status,
            "severity": incident.raw_severity,
            "was_closed": was_closed_after(incident, alert is not None and alert.was_closed),
            "is_incomplete": False,
            "organization_external_id": incident.organization_id,
            "triggered_at": incident.sent_at or incident.updated_at,
            "resolved_at": incident.closed_at,
            "processed_at": self._newest_time(incident, alert),
            "observed_at": one.entry.fetched_at,
            **self._content(one),
        }

    def _content(self, one: Planned) -> dict[str, Any]:
        """Return the columns that hold the report's content.

        Without a ticket, only id, severity, status and times are kept of an excluded organization's
        incident.
        """
        mapping = self._context.mapping(one.incident)
        has_ticket = one.action.kind is not ActionKind.RECORD_ONLY
        if mapping is not None and not mapping.creates_tickets and not has_ticket:
            bare = dict.fromkeys(("message", "agent_external_id", "device_name", "raw_report"))
            hashed = one.entry.content_hash if one.entry.is_reduced else None
            return {**bare, **NO_FACTS, "facts_version": FACTS_VERSION, "content_hash": hashed}
        agent = self._context.agent(one.incident)
        return {
            "message": one.incident.subject,
            "agent_external_id": one.incident.agent_id,
            "device_name": agent.hostname if agent else None,
            "raw_report": one.entry.payload,
            "content_hash": one.entry.content_hash,
            **alert_facts(self._with_fetched(one)),
        }

    def _with_fetched(self, one: Planned) -> Incident:
        """Return the incident with the remediations that were fetched on their own before."""
        is_short = one.known is not None and one.incident.remediations.has_more
        fetched = one.known.alert.all_remediations if one.known and is_short else None
        return with_all_remediations(one.incident, fetched)

    def _newest_time(self, incident: Incident, alert: Alert | None) -> Any:
        times = [
            usable_time(incident.updated_at, self._huntress_now),
            usable_time(alert.processed_at, self._huntress_now) if alert else None,
        ]
        return max((moment for moment in times if moment is not None), default=None)
