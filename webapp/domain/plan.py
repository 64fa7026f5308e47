"""Deciding what happens to one incident, without doing it.

`plan_incident_action` takes an incident, the alert that is recorded of it, its organization's
mapping and the connection's settings, and returns exactly one `Action`. `tests/cases/plan.json` has
worked examples.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from webapp.domain.incident import DRAFT, Incident, Severity, is_closed_status

Ref = TypeVar("Ref")
"""The caller's references to clients, boards and statuses: primary keys, or names."""


class ActionKind(StrEnum):
    """What is done with an incident."""

    CREATE_TICKET = "create_ticket"
    COMPLETE_TICKET = "complete_ticket"
    APPEND_NOTE = "append_note"
    RECORD_ONLY = "record_only"
    SKIP = "skip"


class Reason(StrEnum):
    """Why an incident gets no ticket or is skipped; recorded with an incident without a ticket."""

    ORG_OPTED_OUT = "org_opted_out"
    ALREADY_CLOSED = "already_closed"
    NOT_SENT_YET = "not_sent_yet"
    BEFORE_BACKFILL = "before_backfill"
    NO_LINKED_TICKET = "no_linked_ticket"
    TICKET_REQUESTED = "ticket_requested"
    TICKET_DELETED = "ticket_deleted"
    ERASED = "erased"
    DELETING = "deleting"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class RecordedAlert:
    """What is recorded of an incident.

    `was_closed` says whether it was closed when last seen open or closed; "deleting", "deleted" and
    "draft" are neither. `processed_at` (UTC) is the newest usable `updated_at` processed so far.
    """

    status: str | None
    severity: str | None
    has_ticket: bool
    processed_at: datetime | None = None
    reason: str | None = None
    is_incomplete: bool = False
    was_closed: bool = False
    is_ticket_closed: bool = False
    is_ticket_touched: bool = False


@dataclass(frozen=True, slots=True)
class RecordedMapping(Generic[Ref]):
    """An organization's client (None where it is unmapped), and whether it gets tickets."""

    client: Ref | None
    creates_tickets: bool = True
    is_client_active: bool = True


@dataclass(frozen=True, slots=True)
class TicketSettings(Generic[Ref]):
    """The routing settings that decide about tickets."""

    board: Ref
    fallback_client: Ref
    fallback_board: Ref
    auto_close_tickets: bool = False
    closed_status: Ref | None = None
    reopen_tickets: bool = True
    leave_touched_open: bool = False


@dataclass(frozen=True, slots=True)
class Route(Generic[Ref]):
    """The client and board of a ticket; `is_unmapped` says that these are the fallback ones."""

    client: Ref
    board: Ref
    is_unmapped: bool


@dataclass(frozen=True, slots=True)
class Action(Generic[Ref]):
    """The decision about one incident.

    `route` is set where a ticket is created or completed. `close`, `reopen` and `is_severity_rise`
    are about an existing ticket.
    """

    kind: ActionKind
    reason: Reason | None = None
    route: Route[Ref] | None = None
    close: bool = False
    reopen: bool = False
    is_severity_rise: bool = False
    previous_status: str | None = None
    previous_severity: str | None = None


def plan_incident_action(
    incident: Incident,
    existing: RecordedAlert | None,
    mapping: RecordedMapping[Ref] | None,
    settings: TicketSettings[Ref],
    *,
    horizon: datetime | None,
    now: datetime,
    content_changed: bool = False,
) -> Action[Ref]:
    """Decide about `incident`; `now` is Huntress's time (UTC), and later times are not usable.

    `content_changed` says whether the report's content differs from the recorded one. It counts
    only where the times do not show which report is newer.
    """
    excluded = mapping is not None and not mapping.creates_tickets
    if existing is None:
        return _plan_new(incident, mapping, settings, excluded, horizon, now)
    if existing.reason == Reason.ERASED:
        return Action(ActionKind.SKIP, Reason.UNCHANGED)
    if existing.is_incomplete:
        return _plan_incomplete(incident, existing, mapping, settings, excluded)
    if not _is_progress(incident, existing, now, content_changed):
        return Action(ActionKind.SKIP, Reason.UNCHANGED)
    if existing.has_ticket:
        return _plan_ticketed(incident, existing, settings)
    return _plan_recorded(incident, existing, mapping, settings, excluded)


def plan_route(mapping: RecordedMapping[Ref] | None, settings: TicketSettings[Ref]) -> Route[Ref]:
    """Return where a ticket of this organization goes; an inactive client counts as none."""
    if mapping is None or mapping.client is None or not mapping.is_client_active:
        return Route(settings.fallback_client, settings.fallback_board, is_unmapped=True)
    return Route(mapping.client, settings.board, is_unmapped=False)


def usable_time(time: datetime | None, now: datetime) -> datetime | None:
    """Return `time`, or None where it is later than `now` and so cannot be trusted."""
    return time if time is not None and time <= now else None


def _plan_new(
    incident: Incident,
    mapping: RecordedMapping[Ref] | None,
    settings: TicketSettings[Ref],
    excluded: bool,
    horizon: datetime | None,
    now: datetime,
) -> Action[Ref]:
    if incident.is_deleting:
        return Action(ActionKind.SKIP, Reason.DELETING)
    if excluded:
        return Action(ActionKind.RECORD_ONLY, Reason.ORG_OPTED_OUT)
    if incident.is_closed:
        return Action(ActionKind.RECORD_ONLY, Reason.ALREADY_CLOSED)
    if incident.is_draft:
        return Action(ActionKind.RECORD_ONLY, Reason.NOT_SENT_YET)
    updated_at = usable_time(incident.updated_at, now)
    if horizon is not None and updated_at is not None and updated_at < horizon:
        return Action(ActionKind.RECORD_ONLY, Reason.BEFORE_BACKFILL)
    return Action(ActionKind.CREATE_TICKET, route=plan_route(mapping, settings))


def _plan_incomplete(
    incident: Incident,
    existing: RecordedAlert,
    mapping: RecordedMapping[Ref] | None,
    settings: TicketSettings[Ref],
    excluded: bool,
) -> Action[Ref]:
    """Decide about a quarantined report that can be read now."""
    if existing.has_ticket:
        return Action(
            ActionKind.COMPLETE_TICKET,
            route=plan_route(mapping, settings),
            close=_closes(incident, existing, settings),
            previous_status=existing.status,
            previous_severity=existing.severity,
        )
    if excluded:
        return Action(ActionKind.RECORD_ONLY, Reason.ORG_OPTED_OUT)
    if incident.is_closed:
        return Action(ActionKind.RECORD_ONLY, Reason.ALREADY_CLOSED)
    if incident.is_deleting:
        return Action(ActionKind.RECORD_ONLY, Reason.NO_LINKED_TICKET)
    if incident.is_draft:
        return Action(ActionKind.RECORD_ONLY, Reason.NOT_SENT_YET)
    return Action(ActionKind.CREATE_TICKET, route=plan_route(mapping, settings))


def _plan_ticketed(
    incident: Incident, existing: RecordedAlert, settings: TicketSettings[Ref]
) -> Action[Ref]:
    rises = _rises(incident, existing)
    was_over = existing.was_closed or (rises and existing.is_ticket_closed)
    comes_back = incident.needs_work and was_over
    return Action(
        ActionKind.APPEND_NOTE,
        close=_closes(incident, existing, settings),
        reopen=comes_back and settings.reopen_tickets,
        is_severity_rise=rises,
        previous_status=existing.status,
        previous_severity=existing.severity,
    )


def _plan_recorded(
    incident: Incident,
    existing: RecordedAlert,
    mapping: RecordedMapping[Ref] | None,
    settings: TicketSettings[Ref],
    excluded: bool,
) -> Action[Ref]:
    """Decide about an incident that was recorded without a ticket.

    An open incident gets a ticket if it was closed before, if it was left out as older than the
    backfill, if it has left the state of a draft, or if a person asked for a ticket. It gets none
    while its organization is excluded. One whose ticket was deleted for its age gets another one
    only if Huntress had closed it and opens it again.
    """
    was_draft = existing.status == DRAFT or existing.reason == Reason.NOT_SENT_YET
    is_wanted = existing.reason in (Reason.BEFORE_BACKFILL, Reason.TICKET_REQUESTED)
    reason: Reason | None = Reason.NO_LINKED_TICKET
    if incident.is_draft:
        reason = Reason.NOT_SENT_YET
    elif incident.is_closed and was_draft:
        reason = Reason.ALREADY_CLOSED
    elif incident.needs_work and (existing.was_closed or was_draft or is_wanted):
        reason = None
    if excluded and reason is not Reason.NO_LINKED_TICKET:
        reason = Reason.ORG_OPTED_OUT
    if reason is not None:
        return Action(ActionKind.RECORD_ONLY, reason)
    return Action(ActionKind.CREATE_TICKET, route=plan_route(mapping, settings))


def _is_progress(
    incident: Incident, existing: RecordedAlert, now: datetime, content_changed: bool
) -> bool:
    """Whether the report says anything new; an older report never does."""
    updated_at = usable_time(incident.updated_at, now)
    recorded_at = usable_time(existing.processed_at, now)
    if updated_at is not None and existing.processed_at is None:
        return True
    if updated_at is not None and recorded_at is not None and updated_at != recorded_at:
        return updated_at > recorded_at
    return (
        incident.status != existing.status
        or incident.severity_word != existing.severity
        or content_changed
    )


def _closes(incident: Incident, existing: RecordedAlert, settings: TicketSettings[Ref]) -> bool:
    return (
        settings.auto_close_tickets
        and settings.closed_status is not None
        and incident.is_closed
        and not existing.was_closed
        and not (settings.leave_touched_open and existing.is_ticket_touched)
    )


def _rises(incident: Incident, existing: RecordedAlert) -> bool:
    """Whether the severity rose, in any status; from low to unknown is a rise too.

    A rise of an incident that closes matters too: if it is reopened, its ticket has the right
    priority.
    """
    return incident.severity.rank > Severity.of(existing.severity).rank


def was_closed_after(incident: Incident, was_closed: bool) -> bool:
    """Return the `was_closed` to record after `incident`; deleting and drafts do not change it."""
    is_neither = incident.is_deleting or incident.is_draft
    return was_closed if is_neither else is_closed_status(incident.status)
