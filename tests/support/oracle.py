"""An independent judge of the poll engine: the rules of the product, written a second time.

It knows nothing of the engine's code. For each incident it keeps the set of states the rules allow
the desk to be in, given what Huntress answered to whom, what people did and which polls came to
their end. A poll that was cut off may have got anywhere, so it leaves several states; what is
found on the desk afterwards must be one of them. A poll that was completed leaves no choice: what
it was shown must have been processed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

CLOSED = frozenset({"closed", "dismissed", "partner_dismissed"})
LISTED = frozenset({"sent", "auto_remediating"})
DELETING, DELETED = "deleting", "deleted"
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
        return not self.is_closed and self.status != DELETING


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


@dataclass(frozen=True)
class Event:
    """Something that happened, in order; `rules` are those in force after it.

    kind: "began" (a poll), "served" (value: Version), "absent" (Huntress said 404), "acted" (value:
    a function of TicketState), "dismissed", "rules", "ended" (value: whether the poll was
    completed). `is_in_window` is False for rows of a walk that were below its boundary: it may
    leave them out.
    """

    kind: str
    rules: Rules
    poller: int = 0
    key: str | None = None
    value: object = None
    is_in_window: bool = True


@dataclass(frozen=True)
class Waiting:
    """Incidents that failed: whose next try is still to come, and which failed three times."""

    until_later: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()


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
    if not version.is_open or not (recorded.was_closed or recorded.is_before_backfill):
        return after
    if context.is_excluded:
        return replace(after, is_before_backfill=False)
    return replace(after, ticket=_new_ticket(version, context), is_before_backfill=False)


def _process_new(version: Version, context: Context) -> Recorded | None:
    if version.status == DELETING:
        return None
    recorded = Recorded(
        version.status, version.severity, version.time, version.number, version.is_closed
    )
    if context.is_excluded or version.is_closed:
        return recorded
    if version.time is not None and version.time < context.horizon:
        return replace(recorded, is_before_backfill=True)
    return replace(recorded, ticket=_new_ticket(version, context))


def _process_quarantined(recorded: Recorded, version: Version, context: Context) -> Recorded:
    """Readable now: the same ticket is completed; without one it is as if it were new."""
    after = replace(_overwritten(recorded, version), is_incomplete=False)
    ticket = recorded.ticket
    if ticket is None:
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
    is_closed = recorded.was_closed if version.status == DELETING else version.is_closed
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
    if recorded is None:
        words = (version.status, version.severity)
        new = Recorded(*words, None, None, version.is_closed, ticket, is_incomplete=True)
        yield replace(state, recorded=new)
    elif ticket is not None and not (recorded.was_closed and version.is_closed):
        yield replace(state, recorded=replace(recorded, ticket=ticket, is_incomplete=True))


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


class Judge:
    """The states that each incident may be in."""

    def __init__(self, horizon: datetime) -> None:
        self.horizon = horizon
        self.states: dict[str, frozenset[State]] = {}

    def possible(self, key: str) -> frozenset[State]:
        return self.states.get(key, frozenset({State()}))

    def judge(
        self,
        events: list[Event],
        linked: Mapping[str, frozenset[str | None]],
        view: Callable[[str], object],
        view_of: Callable[[State], object],
        keys: Iterable[str],
        waiting: Waiting,
    ) -> None:
        """Follow `events`; what is found on the desk must be among what they allow.

        `linked` are the clients that an organization nobody decided about had meanwhile.
        Raises AssertionError.
        """
        for key in keys:
            allowed = _Following(self, key, events, linked, waiting).follow()
            found = view(key)
            fitting = frozenset(state for state in allowed if view_of(state) == found)
            if not fitting:
                raise AssertionError(_explain(key, found, allowed, self.possible(key), events))
            self.states[key] = fitting


class _Following:
    """One incident followed through the events."""

    def __init__(
        self,
        judge: Judge,
        key: str,
        events: list[Event],
        linked: Mapping[str, frozenset[str | None]],
        waiting: Waiting,
    ) -> None:
        self.key = key
        self.waiting = waiting
        self.horizon = judge.horizon
        self.events = events
        self.linked = linked
        self.states = set(judge.possible(key))
        self.settings: set[Settings] = set()
        self.is_polling = False
        self.completed = {one.poller for one in events if one.kind == "ended" and one.value}

    def follow(self) -> frozenset[State]:
        newest_poller = 0
        for event in self.events:
            if event.kind == "began":
                self.settings, self.is_polling = set(), True
            self.settings.add(event.rules.settings)
            newest_poller = max(newest_poller, event.poller)
            is_ours = event.key == self.key
            if event.kind == "ended":
                self._end(event)
            elif event.kind == "acted" and is_ours:
                self.states = {_acted(state, event.value) for state in self.states}
                self.states.discard(State())
            elif event.kind == "dismissed" and is_ours:
                self.states = {replace(one, is_dismissed=True) for one in self.states if one.inbox}
            elif is_ours and event.poller == newest_poller:
                self._show(event)
            if self.is_polling:
                self._maybe_process(event.rules)
        return frozenset(self.states)

    def _show(self, event: Event) -> None:
        """A completed poll has taken in what it was shown; another one may have."""
        if event.kind == "served":
            after = {collect(state, event.value) for state in self.states}  # type: ignore[arg-type]
        else:
            after = {mark_deleted(state) for state in self.states}
        is_certain = event.poller in self.completed and event.is_in_window
        self.states = after if is_certain else self.states | after

    def _end(self, event: Event) -> None:
        """Nothing waits any more after a completed poll, but what failed and is to wait."""
        self._maybe_process(event.rules)
        if event.value and self.key not in self.waiting.until_later:
            self.states = {one for one in self.states if one.inbox is None or one.is_dismissed}

    def _maybe_process(self, rules: Rules) -> None:
        new = self.states
        while new:
            new = {after for state in new for after in self._successors(state, rules)}
            new -= self.states
            self.states |= new

    def _successors(self, state: State, rules: Rules) -> Iterable[State]:
        version = state.inbox
        if version is None or state.is_dismissed:
            return
        for context in self._contexts(version, rules):
            recorded = process(state.recorded, version, context)
            yield State(recorded)
            if self.key in rules.poisoned or self.key in self.waiting.given_up:
                yield from quarantine(state, context)

    def _contexts(self, version: Version, rules: Rules) -> Iterable[Context]:
        name = version.organization
        choice = rules.organizations.get(name or "", OrganizationChoice())
        clients = {choice.client} if choice.is_decided else self.linked.get(name or "", {None})
        for settings in self.settings:
            for client in clients:
                is_lost = client in rules.inactive_clients
                yield Context(
                    None if is_lost else client, choice.is_excluded, settings, self.horizon
                )


def _acted(state: State, change: object) -> State:
    """A person worked on the ticket; that shows that there was one."""
    recorded = state.recorded
    if recorded is None or recorded.ticket is None:
        return State()
    return replace(state, recorded=replace(recorded, ticket=change(recorded.ticket)))  # type: ignore[operator]


def _explain(
    key: str,
    found: object,
    allowed: Iterable[State],
    before: Iterable[State],
    events: list[Event],
) -> str:
    lines = [f"incident {key}: the desk has", f"  {found}", "the rules allow"]
    lines += [f"  {state}" for state in allowed] or ["  nothing at all"]
    lines += ["before it was", *(f"  {state}" for state in before), "then"]
    lines += [
        f"  poller {one.poller} {one.kind} {one.value!r}"
        for one in events
        if one.key == key or one.kind in ("began", "ended")
    ]
    return "\n".join(lines)
