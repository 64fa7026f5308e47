"""An independent judge of the poll engine: the rules of the product, written a second time.

It knows nothing of the engine's code. For each incident it keeps the set of states the rules allow
the desk to be in, given what Huntress answered to whom, what people did and which polls came to
their end. A poll that was cut off may have got anywhere, so it leaves several states; what is
found on the desk afterwards must be one of them. A poll that was completed leaves no choice: what
it was shown must have been processed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tests.model.oracle_rules import (
    Context,
    OrganizationChoice,
    Rules,
    Settings,
    State,
    Version,
    collect,
    mark_deleted,
    process,
    quarantine,
)


@dataclass(frozen=True)
class Event:
    """Something that happened, in order; `rules` are those in force after it.

    kind: "began" (a poll), "served" (value: Version), "absent" (Huntress said 404), "acted" (value:
    a function of TicketState), "dismissed", "renewed" (what waits, by a person, so that a poll that
    has it in hand leaves it there; without a key: anything), "rules", "ended" (value: whether the
    poll was completed). `is_in_window` is False for rows of a walk that were below its boundary:
    it may leave them out.
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
        self.is_polling = self.is_renewed = False
        self.completed = {one.poller for one in events if one.kind == "ended" and one.value}

    def follow(self) -> frozenset[State]:
        newest_poller = 0
        for event in self.events:
            if event.kind == "began":
                self.settings, self.is_polling = set(), True
            self.settings.add(event.rules.settings)
            newest_poller = max(newest_poller, event.poller)
            is_ours = event.key == self.key
            if event.kind == "renewed" and self.is_polling and event.key in (None, self.key):
                self.is_renewed = True
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
        if event.value and not self.is_renewed and self.key not in self.waiting.until_later:
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
            if self.is_renewed:
                yield replace(state, recorded=recorded)
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
