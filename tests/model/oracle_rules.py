"""The rules of the product for one incident, written a second time, independently of the engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

CLOSED = frozenset({"closed", "dismissed", "partner_dismissed"})
LISTED = frozenset({"sent", "auto_remediating"})
DELETING, DELETED, DRAFT = "deleting", "deleted", "draft"
FALLBACK_CLIENT = "Internal (unmapped security)"
SECURITY, TRIAGE = "Security", "Security Triage"
CLOSED_TICKET = frozenset({"Closed", "Resolved"})
_RANK = {"low": 0, "critical": 2}
_PRIORITY = {"low": "Low", "critical": "Critical"}
_URGENCY = ("Low", "Medium", "High", "Critical")


@dataclass(frozen=True)
class Version:
    """An incident as Huntress had it. `number` names its content, `time` is None if unusable."""

    number: int
    status: str | None
    severity: str | None
    time: datetime | None
    organization: str | None

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED

    @property
    def is_open(self) -> bool:
        return not self.is_closed and self.status not in (DELETING, DRAFT)


@dataclass(frozen=True)
class TicketState:
    """What can be seen of a ticket; `notes` counts what the system wrote."""

    client: str
    board: str
    status: str
    priority: str
    notes: int
    is_minimal: bool = False
    is_touched: bool = False
    is_priority_chosen: bool = False

    @property
    def is_closed(self) -> bool:
        return self.status in CLOSED_TICKET


@dataclass(frozen=True)
class Recorded:
    """What is recorded of an incident; `was_closed` is its last state that was open or closed."""

    status: str | None
    severity: str | None
    time: datetime | None
    number: int | None
    was_closed: bool
    ticket: TicketState | None = None
    is_before_backfill: bool = False
    is_unsent: bool = False
    is_incomplete: bool = False


@dataclass(frozen=True)
class State:
    """One incident on the desk: what is recorded, and what waits."""

    recorded: Recorded | None = None
    inbox: Version | None = None
    is_dismissed: bool = False


@dataclass(frozen=True)
class Settings:
    auto_close_tickets: bool = False
    leave_touched_open: bool = False
    reopen_tickets: bool = True


@dataclass(frozen=True)
class OrganizationChoice:
    """What people chose; `client` counts where `is_decided`, else the name decides."""

    client: str | None = None
    is_decided: bool = False
    is_excluded: bool = False


@dataclass(frozen=True)
class Rules:
    """Everything people set, at one moment."""

    settings: Settings = Settings()
    organizations: Mapping[str, OrganizationChoice] = field(default_factory=dict)
    inactive_clients: frozenset[str] = frozenset()
    poisoned: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Context:
    """What decides about one incident when it is processed."""

    client: str | None
    is_excluded: bool
    settings: Settings
    horizon: datetime


def priority_of(severity: str | None) -> str:
    return _PRIORITY.get(severity or "", "High")


def rank_of(severity: str | None) -> int:
    return _RANK.get(severity or "", 1)


def tells_more(version: Version, recorded: Recorded) -> bool:
    """An older time never does; equal and unusable ones compare status, severity, content."""
    if version.time is not None:
        if recorded.time is None:
            return True
        if version.time != recorded.time:
            return version.time > recorded.time
    held = (recorded.status, recorded.severity, recorded.number)
    return (version.status, version.severity, version.number) != held


def process(recorded: Recorded | None, version: Version, context: Context) -> Recorded | None:
    """What is recorded after a report was processed under these rules."""
    if recorded is None:
        return _process_new(version, context)
    if recorded.is_incomplete:
        return _process_quarantined(recorded, version, context)
    if not tells_more(version, recorded):
        return recorded
    after = _overwritten(recorded, version)
    if recorded.ticket is not None:
        return replace(after, ticket=_noted(recorded, version, context))
    was_draft = recorded.status == DRAFT or recorded.is_unsent
    settled = replace(after, is_before_backfill=False, is_unsent=False)
    if version.status == DRAFT:
        return replace(settled, is_unsent=not context.is_excluded)
    if version.is_closed and was_draft:
        return settled
    if not version.is_open:
        return after
    if not (recorded.was_closed or recorded.is_before_backfill or was_draft):
        return after
    if context.is_excluded:
        return settled
    return replace(settled, ticket=_new_ticket(version, context))


def _process_new(version: Version, context: Context) -> Recorded | None:
    if version.status == DELETING:
        return None
    recorded = Recorded(
        version.status, version.severity, version.time, version.number, version.is_closed
    )
    if context.is_excluded or version.is_closed:
        return recorded
    if version.status == DRAFT:
        return replace(recorded, is_unsent=True)
    if version.time is not None and version.time < context.horizon:
        return replace(recorded, is_before_backfill=True)
    return replace(recorded, ticket=_new_ticket(version, context))


def _process_quarantined(recorded: Recorded, version: Version, context: Context) -> Recorded:
    """Readable now: the same ticket is completed; without one it is as if it were new."""
    after = replace(_overwritten(recorded, version), is_incomplete=False)
    ticket = recorded.ticket
    if ticket is None:
        if version.status == DRAFT:
            return replace(after, is_unsent=not context.is_excluded)
        if context.is_excluded or not version.is_open:
            return after
        return replace(after, ticket=_new_ticket(version, context))
    if (ticket.client, ticket.board) == (FALLBACK_CLIENT, TRIAGE):
        routed = _new_ticket(version, context)
        ticket = replace(ticket, client=routed.client, board=routed.board)
    if not ticket.is_priority_chosen:
        ticket = replace(ticket, priority=priority_of(version.severity))
    ticket = replace(ticket, is_minimal=False, notes=ticket.notes + 1)
    return replace(after, ticket=_moved(ticket, recorded, version, context))


def _overwritten(recorded: Recorded, version: Version) -> Recorded:
    times = [moment for moment in (recorded.time, version.time) if moment is not None]
    is_neither = version.status in (DELETING, DRAFT)
    is_closed = recorded.was_closed if is_neither else version.is_closed
    return replace(
        recorded,
        status=version.status,
        severity=version.severity,
        time=max(times, default=None),
        number=version.number,
        was_closed=is_closed,
    )


def _new_ticket(version: Version, context: Context) -> TicketState:
    is_mapped = context.client is not None
    return TicketState(
        client=context.client or FALLBACK_CLIENT,
        board=SECURITY if is_mapped else TRIAGE,
        status="Open",
        priority=priority_of(version.severity),
        notes=1,
    )


def _noted(recorded: Recorded, version: Version, context: Context) -> TicketState:
    ticket = recorded.ticket
    assert ticket is not None
    ticket = replace(ticket, notes=ticket.notes + 1)
    wanted = priority_of(version.severity)
    rises = rank_of(version.severity) > rank_of(recorded.severity)
    is_urgent = _URGENCY.index(wanted) > _URGENCY.index(ticket.priority)
    if rises and is_urgent and not ticket.is_priority_chosen:
        ticket = replace(ticket, priority=wanted)
    return _moved(ticket, recorded, version, context)


def _moved(
    ticket: TicketState, recorded: Recorded, version: Version, context: Context
) -> TicketState:
    """Closed and reopened on Huntress's transition, or reopened by a rise; never done twice."""
    settings = context.settings
    if version.is_closed and not recorded.was_closed and settings.auto_close_tickets:
        is_left = settings.leave_touched_open and ticket.is_touched
        if not is_left and not ticket.is_closed:
            return replace(ticket, status="Closed")
    rises = rank_of(version.severity) > rank_of(recorded.severity)
    needs_work = recorded.was_closed or (rises and not recorded.is_incomplete)
    if version.is_open and needs_work and settings.reopen_tickets and ticket.is_closed:
        return replace(ticket, status="Open")
    return ticket


def quarantine(state: State, context: Context) -> Iterable[State]:
    """What a report that cannot be processed may lead to."""
    version, recorded = state.inbox, state.recorded
    if version is None or (recorded is not None and recorded.ticket is not None):
        return
    minimal = TicketState(FALLBACK_CLIENT, TRIAGE, "Open", "High", notes=1, is_minimal=True)
    ticket = None if context.is_excluded else minimal
    is_closed = version.is_closed and ticket is None  # a minimal ticket is open: it may be closed
    if recorded is None:
        words = (version.status, version.severity)
        new = Recorded(*words, None, None, is_closed, ticket, is_incomplete=True)
        yield replace(state, recorded=new)
    elif ticket is not None and not (recorded.was_closed and version.is_closed):
        after = replace(recorded, was_closed=False, ticket=ticket, is_incomplete=True)
        yield replace(state, recorded=after)


def collect(state: State, version: Version) -> State:
    """The newest payload waits; a dismissed one comes back only where it differs."""
    held = state.inbox
    if held is None:
        return replace(state, inbox=version)
    if (held.number, held.time) == (version.number, version.time):
        return state
    if held.time is not None and version.time is not None and version.time < held.time:
        return state
    return replace(state, inbox=version, is_dismissed=False)


def mark_deleted(state: State) -> State:
    """Huntress answered 404 for an incident that was recorded open."""
    recorded = state.recorded
    if recorded is None or recorded.status in CLOSED or recorded.status == DELETED:
        return state
    ticket = recorded.ticket
    if ticket is not None:
        ticket = replace(ticket, notes=ticket.notes + 1)
    return replace(state, recorded=replace(recorded, status=DELETED, ticket=ticket))
