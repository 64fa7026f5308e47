"""Writing a batch of incidents with their alerts, tickets, notes and asset links.

Everything happens in the caller's transaction. A batch takes a fixed handful of statements, however
many incidents it has, so that a backlog of thousands is written within seconds.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Incident, Severity
from webapp.domain.markdown_text import escape_line
from webapp.domain.notices.compose import REQUEST
from webapp.domain.notices.events import CREATED, REOPENED, SEVERITY_RAISED
from webapp.domain.plan import (
    Action,
    ActionKind,
    Reason,
    plan_incident_action,
    plan_route,
)
from webapp.domain.ticket_text import (
    build_body,
    build_creation_note,
    build_title,
    build_update_note,
    unknown_severity_words,
)
from webapp.models import Priority, Status, Ticket
from webapp.models.ticket import INTERNAL_NOTE, SOURCE_HUNTRESS
from webapp.services.audit import record_event
from webapp.services.desk.link_assets import AssetLinker
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.notices.poll_notices import PollNotices
from webapp.services.polling.held_connection import HeldConnection, RoutedStatuses
from webapp.services.polling.incident_batch import (
    BatchContext,
    BatchResult,
    InboxEntry,
    load_known,
    remove_from_inbox,
)
from webapp.services.polling.reports.follow_severity import follow_severity
from webapp.services.polling.reports.read_facts import reported_time, subject_facts
from webapp.services.polling.reports.report_times import (
    is_older_than_polling,
    note_last_incidents,
    was_missed,
)
from webapp.services.polling.write_alerts import AlertWriter, Planned
from webapp.services.tickets.clocks.end_waits import return_as_changed
from webapp.services.tickets.clocks.keep_clocks import with_clocks
from webapp.services.tickets.links.note_originals import add_entries
from webapp.services.tickets.runbooks.attach_runbooks import RunbookAttacher
from webapp.services.tickets.ticket_state import set_ticket_status

PLANNING_SECONDS = 0.12
"""Planning stops after this time, so that a batch holds SQLite's write lock for about 200 ms."""


class UnusableReportError(ValueError):
    """A report that says too little to be recorded; the message is for people."""


def write_incidents(
    session: Session, held: HeldConnection, entries: Sequence[InboxEntry]
) -> BatchResult:
    """Write `entries` and remove them from the inbox, in the caller's fenced transaction.

    An inbox row that got a newer payload meanwhile stays. Any exception means that nothing of the
    batch may be committed.
    """
    return _Writer(session, held, entries).write()


def write_tickets(session: Session, held: HeldConnection, entries: Sequence[InboxEntry]) -> None:
    """Write a ticket for each of `entries`, which are recorded without one.

    The plan does not decide whether they get one. The caller's transaction must hold the
    connection. Any exception means that nothing of this transaction may be committed.
    """
    _Writer(session, held, entries, summary=REQUEST).write_tickets()


def _lacks_report(one: Planned) -> bool:
    """Whether a ticket would be made from the reduced report of an excluded organization.

    The organization was included after the report had been collected. The entry stays in the inbox
    until its whole report has been fetched (see complete_reports).
    """
    return one.entry.is_reduced and one.action.kind is ActionKind.CREATE_TICKET


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class _Writer:
    def __init__(
        self,
        session: Session,
        held: HeldConnection,
        entries: Sequence[InboxEntry],
        *,
        summary: str | None = None,
    ) -> None:
        self.session = session
        self.held = held
        self.settings = held.connection.ticket_settings
        self.now = clock.utcnow()
        self.huntress_now = held.huntress_now()
        self.context = BatchContext(session, held, [entry.incident for entry in entries])
        self.known = load_known(session, held, [entry.key for entry in entries])
        self.entries = entries
        self.result = BatchResult()
        self.comments: list[dict[str, Any]] = []
        self.alerts = AlertWriter(session, held, self.context, self.now)
        self.linker = AssetLinker(session, held.connection.id, self.now)
        self.runbooks = RunbookAttacher(session, self.now)
        self.statuses = RoutedStatuses(session, self.settings.closed_status)
        self.notices = PollNotices(is_first_poll=held.connection.is_first_poll, summary=summary)

    def write(self) -> BatchResult:
        planned = self._plan_all()
        self._create_tickets(
            [one for one in planned if one.action.kind is ActionKind.CREATE_TICKET]
        )
        for one in planned:
            self._apply(one)
        self._write_rest()
        incidents = [one.incident for one in planned]
        note_last_incidents(self.context, incidents, self.huntress_now)
        self.session.flush()
        remove_from_inbox(self.session, [one.entry for one in planned])
        return self.result

    def write_tickets(self) -> None:
        self._create_tickets([self._plan_ticket(entry) for entry in self.entries])
        self._write_rest()

    def _write_rest(self) -> None:
        """Write what was collected with the tickets: alerts, notes, asset links, runbooks."""
        self.alerts.write()
        add_entries(self.session, self.comments, self.now)
        self.linker.write()
        self.runbooks.write()
        self.notices.write(self.session, self.now, {one["ticket_id"] for one in self.comments})
        if self.alerts.has_pending:
            self.held.note_pending_details(self.session)

    def _plan_ticket(self, entry: InboxEntry) -> Planned:
        route = plan_route(self.context.recorded_mapping(entry.incident), self.settings)
        action = Action(ActionKind.CREATE_TICKET, route=route)
        return Planned(entry, self.known.get(entry.key), action)

    def _plan_all(self) -> list[Planned]:
        started, planned = time.monotonic(), []
        for entry in self.entries:
            one = self._plan(entry)
            if not _lacks_report(one):
                planned.append(one)
            if time.monotonic() - started > PLANNING_SECONDS:
                break
        return planned

    def _plan(self, entry: InboxEntry) -> Planned:
        if entry.incident.id is None:
            raise UnusableReportError("The report has no usable id.")
        known = self.known.get(entry.key)
        action = plan_incident_action(
            entry.incident,
            known.as_recorded() if known else None,
            self.context.recorded_mapping(entry.incident),
            self.settings,
            horizon=self.held.connection.horizon,
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
            self._record(one)
        elif kind is ActionKind.APPEND_NOTE:
            self._append_note(one)
        elif kind is ActionKind.COMPLETE_TICKET:  # pragma: no branch - the last kind there is
            self._complete(one)

    def _create_tickets(self, planned: list[Planned]) -> None:
        if not planned:
            return
        numbers = take_ticket_numbers(self.session, len(planned))
        rows = [
            self._ticket_values(one, number) for one, number in zip(planned, numbers, strict=True)
        ]
        rows = with_clocks(self.session, rows, self.held.connection.polling_started_at)
        ids = self.session.scalars(
            insert(Ticket).returning(Ticket.id, sort_by_parameter_order=True), rows
        ).all()
        for one, ticket_id in zip(planned, ids, strict=True):
            self._comment(ticket_id, build_creation_note(one.incident))
            for note in self.context.outside_notes(one.incident):
                self._comment(ticket_id, note)
            self.alerts.record_ticketed(one, ticket_id)
            self._link_asset(one, ticket_id)
            self.runbooks.add(ticket_id, one.incident)
            self.notices.note(
                CREATED, ticket_id, is_old=is_older_than_polling(self.held.connection, one.incident)
            )
            self.result.count("created")

    def _ticket_values(self, one: Planned, number: str) -> dict[str, Any]:
        return {
            **self._texts(one),
            **self._route_values(one),
            **self._subject(one),
            "number": number,
            "status_id": self.statuses.open().id,
            "priority_id": self._priority_id(one.incident),
            "source": SOURCE_HUNTRESS,
            "connection_id": self.held.connection.id,
            "source_reference": one.entry.key,
            "is_drill": one.entry.is_drill,
            "created_at": self.now,
            "updated_at": self.now,
            "reported_at": self._reported_at(one),
        }

    def _reported_at(self, one: Planned) -> datetime:
        return reported_time(one.incident, self.now, huntress_now=self.huntress_now)

    def _subject(self, one: Planned) -> dict[str, Any]:
        agent = self.context.agent(one.incident)
        return subject_facts(one.incident, agent.hostname if agent else None)

    def _texts(self, one: Planned) -> dict[str, str]:
        is_unmapped = one.action.route is not None and one.action.route.is_unmapped
        context = self.context.ticket_context(one.incident, is_unmapped=is_unmapped)
        return {
            "title": build_title(one.incident, is_unmapped=is_unmapped),
            "description": build_body(one.incident, context),
        }

    def _route_values(self, one: Planned) -> dict[str, Any]:
        """Return the route's columns.

        Only mapped tickets get a category and subcategory, which belong to the security board.
        """
        route, connection = one.action.route, self.held.connection
        if route is None:  # pragma: no cover - a plan that creates a ticket has a route
            raise ValueError("a ticket without a route")
        return {
            "client_id": route.client,
            "board_id": route.board,
            "category_id": None if route.is_unmapped else connection.category_id,
            "subcategory_id": None if route.is_unmapped else connection.subcategory_id,
            "is_unmapped": route.is_unmapped,
        }

    def _priority_id(self, incident: Incident) -> int:
        return self.held.connection.priority_id(incident.severity)

    def _append_note(self, one: Planned) -> None:
        ticket = one.known.ticket if one.known else None
        if one.known is None or ticket is None:  # pragma: no cover - notes are planned for tickets
            raise ValueError("a note without a ticket")
        note = build_update_note(
            one.incident,
            previous=one.known.alert.read_report(),
            status=one.action.previous_status,
            severity=one.action.previous_severity,
        )
        extra = [
            self._name_unknown_severity(one),
            self._change_state(one.action, ticket),
            return_as_changed(self.session, ticket, self.now),
            self._follow_severity(one, ticket),
        ]
        if one.action.is_severity_rise and ticket.closed_at is None and not one.action.reopen:
            previous = one.action.previous_severity
            self.notices.note(SEVERITY_RAISED, ticket.id, previous_severity=previous)
        self._comment(ticket.id, "\n\n".join(text for text in [note, *extra] if text))
        for name, value in _without_none(self._subject(one)).items():
            setattr(ticket, name, value)
        ticket.updated_at = self.now
        was_pending = one.known.alert.details_pending
        self.alerts.record_ticketed(one, ticket.id, was_pending=was_pending)
        self.result.count("noted")

    def _name_unknown_severity(self, one: Planned) -> str:
        """Return a sentence about a severity that became one Triagedesk does not know, or nothing.

        A priority that is higher already, or that a person chose, stays all the same.
        """
        incident = one.incident
        is_new = incident.severity_word != one.action.previous_severity
        if incident.severity is not Severity.UNKNOWN or not is_new:
            return ""
        words = unknown_severity_words(incident, self.context.priority_name(incident))
        return f"{escape_line(words)}."

    def _change_state(self, action: Action[int], ticket: Ticket) -> str:
        """Close or reopen the ticket; return a sentence about it, empty where nothing changed.

        A ticket that is closed or open already keeps the status that a person gave it.
        """
        is_open = ticket.closed_at is None
        if action.close and is_open:
            self._set_status(ticket, self.statuses.closed())
            self.result.count("closed")
            self.notices.note_closed(ticket.id)
            return "The ticket was closed because Huntress closed the incident."
        if action.reopen and not is_open:
            self._set_status(ticket, self.statuses.open())
            self.result.count("reopened")
            self.notices.note(REOPENED, ticket.id)
            return "The ticket was reopened because the incident needs work again."
        return ""

    def _set_status(self, ticket: Ticket, status: Status) -> None:
        previous = ticket.status.name
        set_ticket_status(ticket, status, now=self.now)
        record_event(
            self.session,
            action="ticket.changed",
            subject_type="ticket",
            subject_id=ticket.id,
            before={"status": previous},
            after={"status": status.name},
        )

    def _follow_severity(self, one: Planned, ticket: Ticket) -> str:
        wanted = self.session.get_one(Priority, self._priority_id(one.incident))
        is_rise = one.action.is_severity_rise
        return follow_severity(ticket, one.incident, wanted, is_rise=is_rise)

    def _complete(self, one: Planned) -> None:
        """Complete the minimal ticket of a quarantined report that can be read now."""
        ticket = one.known.ticket if one.known else None
        if ticket is None:  # pragma: no cover - completing is planned for tickets only
            raise ValueError("nothing to complete")
        values = _without_none(self._subject(one))
        if ticket.text_edited_by_person_at is None:
            values |= self._texts(one)
        is_where_it_was = (
            ticket.client_id == self.settings.fallback_client
            and ticket.board_id == self.settings.fallback_board
        )
        if is_where_it_was:
            values |= self._route_values(one)
            self._link_asset(one, ticket.id)
        for name, value in values.items():
            setattr(ticket, name, value)
        ticket.reported_at = self._reported_at(one)
        if ticket.priority_set_by_person_at is None:
            ticket.priority_id = self._priority_id(one.incident)
        self.runbooks.add(ticket.id, one.incident, is_new=False)
        state = self._change_state(one.action, ticket)
        state = f"{state} {return_as_changed(self.session, ticket, self.now)}".strip()
        note = f"The incident report could be read now.\n\n{build_creation_note(one.incident)}"
        self._comment(ticket.id, f"{note}\n\n{state}".strip())
        ticket.updated_at = self.now
        self.alerts.record_ticketed(one, ticket.id)
        if ticket.closed_at is None:
            self.notices.note(CREATED, ticket.id, is_once=True)
        self.result.count("noted")

    def _record(self, one: Planned) -> None:
        self.alerts.record_unticketed(one)
        self.result.reasons[one.action.reason or Reason.NO_LINKED_TICKET] += 1
        is_first = one.known is None or one.action.reason is Reason.ALREADY_CLOSED
        if is_first and was_missed(self.held.connection, one.incident):
            self.result.count("missed_open")

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
