"""Writing a batch of incidents: plan each, then alerts, tickets, notes and asset links together.

Everything happens in the caller's transaction. The statements are a fixed handful for a batch,
not for an incident: that is what makes a backlog of thousands a matter of seconds.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Incident, Severity, parse_incident_text
from webapp.domain.plan import (
    Action,
    ActionKind,
    Reason,
    plan_incident_action,
    usable_time,
    was_closed_after,
)
from webapp.domain.ticket_text import (
    build_body,
    build_creation_note,
    build_title,
    build_update_note,
)
from webapp.models import Alert, Comment, InboxRow, Status, Ticket
from webapp.models.desk import INTERNAL_NOTE, SOURCE_HUNTRESS
from webapp.services.incident_batch import BatchContext, InboxEntry, KnownAlert, load_known
from webapp.services.link_assets import AssetLinker
from webapp.services.poll_cycle import Cycle
from webapp.services.ticket_numbers import take_ticket_numbers
from webapp.services.ticket_state import set_ticket_status

PLANNING_SECONDS = 0.12
"""Planning stops here, so that a batch holds SQLite's write lock for 200 ms at most."""

_NO_SYNC = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Planned:
    """An inbox entry, what is recorded of it, and what is to happen."""

    entry: InboxEntry
    known: KnownAlert | None
    action: Action[int]

    @property
    def incident(self) -> Incident:
        """The incident as it was reported."""
        return self.entry.incident


@dataclass
class BatchResult:
    """What a batch did; `entries` are those it came to before its time was up."""

    entries: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """One more of `name`."""
        self.counts[name] = self.counts.get(name, 0) + 1


def write_incidents(session: Session, cycle: Cycle, entries: Sequence[InboxEntry]) -> BatchResult:
    """Write `entries` and remove them from the inbox, in the caller's fenced transaction.

    An inbox row that got a newer payload meanwhile stays. Any exception means that nothing of the
    batch may be committed.
    """
    return _Writer(session, cycle, entries).write()


class _Writer:
    def __init__(self, session: Session, cycle: Cycle, entries: Sequence[InboxEntry]) -> None:
        self.session = session
        self.cycle = cycle
        self.settings = cycle.connection.ticket_settings
        self.now = clock.utcnow()
        self.huntress_now = cycle.huntress_now()
        self.context = BatchContext(session, cycle, [entry.incident for entry in entries])
        self.known = load_known(session, cycle, [entry.key for entry in entries])
        self.entries = entries
        self.result = BatchResult()
        self.comments: list[dict[str, Any]] = []
        self.new_alerts: list[dict[str, Any]] = []
        self.linker = AssetLinker(session, cycle.connection.id, self.now)
        self.has_pending = False
        self._statuses: dict[bool, Status] = {}

    def write(self) -> BatchResult:
        planned = self._plan_all()
        self._create_tickets(
            [one for one in planned if one.action.kind is ActionKind.CREATE_TICKET]
        )
        for one in planned:
            self._apply(one)
        if self.new_alerts:
            self.session.execute(insert(Alert), self.new_alerts)
        if self.comments:
            self.session.execute(insert(Comment), self.comments)
        self.linker.write()
        self._note_last_incidents(planned)
        self.session.flush()
        self._remove_from_inbox([one.entry for one in planned])
        if self.has_pending and not self.cycle.has_pending_details:
            self.cycle.lease.fence(self.session, has_pending_details=True)
        self.result.entries = len(planned)
        return self.result

    def _plan_all(self) -> list[Planned]:
        started, planned = time.monotonic(), []
        for entry in self.entries:
            planned.append(self._plan(entry))
            if time.monotonic() - started > PLANNING_SECONDS:
                break
        return planned

    def _plan(self, entry: InboxEntry) -> Planned:
        if entry.incident.id is None:
            raise ValueError("The report has no usable id.")
        known = self.known.get(entry.key)
        action = plan_incident_action(
            entry.incident,
            known.as_recorded() if known else None,
            self.context.mapping_state(entry.incident),
            self.settings,
            horizon=self.cycle.connection.horizon,
            now=self.huntress_now,
            content_changed=known is not None and known.alert.content_hash != entry.content_hash,
        )
        return Planned(entry, known, action)

    def _apply(self, one: Planned) -> None:
        kind = one.action.kind
        if kind is ActionKind.SKIP:
            self.result.count("skipped")
            if one.known is not None:
                one.known.alert.observed_at = one.entry.fetched_at
        elif kind is ActionKind.RECORD_ONLY:
            self._record(one, None)
        elif kind is ActionKind.APPEND_NOTE:
            self._append_note(one)
        elif kind is ActionKind.COMPLETE_TICKET:
            self._complete(one)

    def _create_tickets(self, planned: list[Planned]) -> None:
        if not planned:
            return
        numbers = take_ticket_numbers(self.session, len(planned))
        rows = [
            self._ticket_values(one, number) for one, number in zip(planned, numbers, strict=True)
        ]
        ids = self.session.scalars(
            insert(Ticket).returning(Ticket.id, sort_by_parameter_order=True), rows
        ).all()
        for one, ticket_id in zip(planned, ids, strict=True):
            self._comment(ticket_id, build_creation_note(one.incident))
            self._record_ticket(one, ticket_id)
            self._link_asset(one, ticket_id)
            self.result.count("created")

    def _ticket_values(self, one: Planned, number: str) -> dict[str, Any]:
        return {
            **self._texts(one),
            **self._route_values(one),
            "number": number,
            "status_id": self._status(is_closed=False).id,
            "priority_id": self._priority_id(one.incident),
            "source": SOURCE_HUNTRESS,
            "connection_id": self.cycle.connection.id,
            "source_reference": one.entry.key,
            "created_at": self.now,
            "updated_at": self.now,
        }

    def _texts(self, one: Planned) -> dict[str, str]:
        is_unmapped = one.action.route is not None and one.action.route.is_unmapped
        context = self.context.ticket_context(one.incident, is_unmapped=is_unmapped)
        return {
            "title": build_title(one.incident, is_unmapped=is_unmapped),
            "description": build_body(one.incident, context),
        }

    def _route_values(self, one: Planned) -> dict[str, Any]:
        """Category and subcategory are the security board's: mapped tickets only."""
        route, connection = one.action.route, self.cycle.connection
        if route is None:
            raise ValueError("a ticket without a route")
        return {
            "client_id": route.client,
            "board_id": route.board,
            "category_id": None if route.is_unmapped else connection.category_id,
            "subcategory_id": None if route.is_unmapped else connection.subcategory_id,
            "is_unmapped": route.is_unmapped,
        }

    def _priority_id(self, incident: Incident) -> int:
        """Unknown severities take the high priority."""
        connection = self.cycle.connection
        chosen = {
            Severity.CRITICAL: connection.critical_priority_id,
            Severity.LOW: connection.low_priority_id,
        }.get(incident.severity, connection.high_priority_id)
        if chosen is None:
            raise ValueError("routing is incomplete")
        return chosen

    def _append_note(self, one: Planned) -> None:
        ticket = one.known.ticket if one.known else None
        if one.known is None or ticket is None:
            raise ValueError("a note without a ticket")
        raw = one.known.alert.raw_report
        note = build_update_note(
            one.incident,
            previous=parse_incident_text(raw) if raw else None,
            status=one.action.previous_status,
            severity=one.action.previous_severity,
        )
        extra = [self._change_state(one.action, ticket), self._raise_priority(one, ticket)]
        self._comment(ticket.id, "\n\n".join(text for text in [note, *extra] if text))
        ticket.updated_at = self.now
        self._record_ticket(one, ticket.id)
        self.result.count("noted")

    def _change_state(self, action: Action[int], ticket: Ticket) -> str:
        if action.close and set_ticket_status(ticket, self._status(is_closed=True), now=self.now):
            self.result.count("closed")
            return "The ticket was closed because Huntress closed the incident."
        if action.reopen and set_ticket_status(ticket, self._status(is_closed=False), now=self.now):
            self.result.count("reopened")
            return "The ticket was reopened because the incident needs work again."
        return ""

    def _raise_priority(self, one: Planned, ticket: Ticket) -> str:
        """A rise in severity raises the priority, unless a person chose it."""
        if not one.action.is_severity_rise or ticket.priority_set_by_person_at is not None:
            return ""
        wanted = self._priority_id(one.incident)
        if ticket.priority_id == wanted:
            return ""
        ticket.priority_id = wanted
        return "The priority was raised with the severity."

    def _complete(self, one: Planned) -> None:
        """A quarantined report can be read now: its minimal ticket gets what it lacked."""
        ticket = one.known.ticket if one.known else None
        if ticket is None:
            raise ValueError("nothing to complete")
        if ticket.text_edited_by_person_at is None:
            self._set(ticket, self._texts(one))
        is_where_it_was = (
            ticket.client_id == self.settings.fallback_client
            and ticket.board_id == self.settings.fallback_board
        )
        if is_where_it_was:
            self._set(ticket, self._route_values(one))
            self._link_asset(one, ticket.id)
        if ticket.priority_set_by_person_at is None:
            ticket.priority_id = self._priority_id(one.incident)
        state = self._change_state(one.action, ticket)
        note = f"The incident report could be read now.\n\n{build_creation_note(one.incident)}"
        self._comment(ticket.id, f"{note}\n\n{state}".strip())
        ticket.updated_at = self.now
        self._record_ticket(one, ticket.id)
        self.result.count("noted")

    def _set(self, ticket: Ticket, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(ticket, name, value)

    def _record_ticket(self, one: Planned, ticket_id: int) -> None:
        is_pending = self.context.is_pending(one.incident)
        self.has_pending = self.has_pending or is_pending
        self._upsert_alert(
            one, {"ticket_id": ticket_id, "reason": None, "details_pending": is_pending}
        )

    def _record(self, one: Planned, ticket_id: int | None) -> None:
        self._upsert_alert(one, {"reason": self._reason(one)})
        self.result.count("recorded")
        if one.known is None and self._was_missed(one.incident):
            self.result.count("missed_open")

    def _reason(self, one: Planned) -> str | None:
        """Why there is no ticket; "no linked ticket" keeps the reason recorded first."""
        recorded = one.known.alert.reason if one.known else None
        if one.action.reason is Reason.NO_LINKED_TICKET and recorded:
            return recorded
        return one.action.reason

    def _was_missed(self, incident: Incident) -> bool:
        """First seen closed although it was sent while we were polling."""
        started = self.cycle.connection.polling_started_at
        return (
            incident.is_closed
            and started is not None
            and incident.sent_at is not None
            and incident.sent_at >= started
        )

    def _upsert_alert(self, one: Planned, values: dict[str, Any]) -> None:
        values = {**self._alert_values(one), **values}
        if one.known is not None:
            for name, value in values.items():
                setattr(one.known.alert, name, value)
            return
        self.new_alerts.append(
            {
                "connection_id": self.cycle.connection.id,
                "external_alert_id": one.entry.key,
                "created_at": self.now,
                "ticket_id": None,
                "details_pending": False,
                **values,
            }
        )

    def _alert_values(self, one: Planned) -> dict[str, Any]:
        incident, alert = one.incident, one.known.alert if one.known else None
        return {
            "status": incident.status,
            "severity": incident.severity_word,
            "was_closed": was_closed_after(incident, alert is not None and alert.was_closed),
            "is_incomplete": False,
            "organization_external_id": incident.organization_id,
            "triggered_at": incident.sent_at or incident.updated_at,
            "resolved_at": incident.closed_at,
            "processed_at": self._newest_time(incident, alert),
            "observed_at": one.entry.fetched_at,
            "content_hash": one.entry.content_hash,
            **self._alert_content(one),
        }

    def _alert_content(self, one: Planned) -> dict[str, Any]:
        """Nothing but id, severity, status and times is kept of an excluded organization."""
        mapping = self.context.mapping(one.incident)
        has_ticket = one.action.kind is not ActionKind.RECORD_ONLY
        if mapping is not None and not mapping.creates_tickets and not has_ticket:
            return dict.fromkeys(("message", "agent_external_id", "device_name", "raw_report"))
        agent = self.context.agent(one.incident)
        return {
            "message": one.incident.subject,
            "agent_external_id": one.incident.agent_id,
            "device_name": agent.hostname if agent else None,
            "raw_report": one.entry.payload,
        }

    def _newest_time(self, incident: Incident, alert: Alert | None) -> Any:
        times = [
            usable_time(incident.updated_at, self.huntress_now),
            usable_time(alert.processed_at, self.huntress_now) if alert else None,
        ]
        return max((moment for moment in times if moment is not None), default=None)

    def _link_asset(self, one: Planned, ticket_id: int) -> None:
        agent, route = self.context.agent(one.incident), one.action.route
        if agent is not None and route is not None and not route.is_unmapped:
            self.linker.add(ticket_id, route.client, agent)

    def _comment(self, ticket_id: int, body: str) -> None:
        self.comments.append(
            {
                "ticket_id": ticket_id,
                "author_id": None,
                "kind": INTERNAL_NOTE,
                "is_internal": True,
                "body": body,
                "created_at": self.now,
            }
        )

    def _status(self, *, is_closed: bool) -> Status:
        """The default status, or the closed one that was chosen."""
        if is_closed not in self._statuses:
            condition = Status.id == self.settings.closed_status if is_closed else Status.is_default
            self._statuses[is_closed] = self.session.scalars(select(Status).where(condition)).one()
        return self._statuses[is_closed]

    def _note_last_incidents(self, planned: list[Planned]) -> None:
        for one in planned:
            row = self.context.mapping(one.incident)
            time_ = one.incident.sent_at or one.incident.updated_at
            moment = usable_time(time_, self.huntress_now)
            if (
                row is not None
                and moment
                and (not row.last_incident_at or moment > row.last_incident_at)
            ):
                row.last_incident_at = moment

    def _remove_from_inbox(self, entries: list[InboxEntry]) -> None:
        """Remove what was processed, in the version that was; newer payloads stay."""
        pairs = [(entry.row_id, entry.version) for entry in entries]
        self.session.execute(
            delete(InboxRow).where(tuple_(InboxRow.id, InboxRow.version).in_(pairs)),
            execution_options=_NO_SYNC,
        )
