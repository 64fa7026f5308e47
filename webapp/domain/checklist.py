"""The steps from a new connection to one that works: connect, route, map, start, tell, links."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TELL = "tell"
NO_ORGANIZATIONS = 'No organizations yet — click "Sync organizations".'


class StepState(StrEnum):
    """The state of a step; `CURRENT` is the first step that is not done and is possible."""

    DONE = "done"
    CURRENT = "current"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """The facts that the steps depend on; `missing_routing` holds labels of the form.

    `is_telling_decided` says that somebody took, declined or made policies of notifications, and
    `untold` why critical incidents reach nobody all the same.
    """

    has_credentials: bool
    is_disconnected: bool
    missing_routing: Sequence[str]
    organizations: int
    unmapped: int
    is_started: bool
    is_paused: bool
    has_incident: bool = False
    is_link_checked: bool = False
    is_telling_decided: bool = False
    has_policies: bool = False
    untold: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step; `blocks_polling` says that no ticket is created before the step is done."""

    key: str
    title: str
    text: str
    state: StepState
    blocks_polling: bool

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state is StepState.DONE


def plan_setup(facts: ConnectionFacts) -> list[SetupStep]:
    """Return the six steps in order, each with a text that says what it still needs.

    Mapping never blocks polling: an organization without a client goes to the triage board.
    """
    is_connected = facts.has_credentials and not facts.is_disconnected
    is_mapped = facts.organizations > 0 and facts.unmapped == 0
    can_start = is_connected and not facts.missing_routing
    steps = (
        ("connect", "Connect", _connect_text(facts), is_connected, True, True),
        ("route", "Route", _route_text(facts), not facts.missing_routing, True, True),
        ("map", "Map", _map_text(facts), is_mapped, is_connected, False),
        (
            "start",
            "Start",
            _start_text(facts, can_start),
            can_start and _runs(facts),
            can_start,
            True,
        ),
        (
            TELL,
            "Tell",
            _tell_text(facts),
            facts.is_telling_decided and not (facts.has_policies and facts.untold),
            facts.is_started,
            False,
        ),
        ("links", "Links", _links_text(facts), facts.is_link_checked, facts.has_incident, False),
    )
    planned: list[SetupStep] = []
    for key, title, text, is_done, is_possible, blocks in steps:
        is_waited_for = any(step.state is StepState.CURRENT for step in planned)
        state = StepState.LATER
        if is_done:
            state = StepState.DONE
        elif is_possible and not is_waited_for:
            state = StepState.CURRENT
        planned.append(SetupStep(key, title, text, state, blocks and not is_done))
    return planned


def _runs(facts: ConnectionFacts) -> bool:
    return facts.is_started and not facts.is_paused


def _connect_text(facts: ConnectionFacts) -> str:
    if facts.is_disconnected:
        return "The account is disconnected. Enter its API key and secret to go on."
    if not facts.has_credentials:
        return "The API key and secret are missing or can't be read. Enter them to go on."
    return "The account is connected."


def _route_text(facts: ConnectionFacts) -> str:
    if facts.missing_routing:
        return f"Still missing: {', '.join(facts.missing_routing)}."
    return "Boards, fallback client and priorities are chosen."


def _map_text(facts: ConnectionFacts) -> str:
    if not facts.organizations:
        return NO_ORGANIZATIONS
    if facts.unmapped:
        return (
            f"{_unmapped_words(facts.unmapped, facts.organizations)} "
            "You can start all the same: tickets without a client wait on the triage board."
        )
    return "Every organization has a client or is excluded."


def _unmapped_words(unmapped: int, organizations: int) -> str:
    if unmapped == organizations:
        return "No organization has a client yet."
    verb = "has" if unmapped == 1 else "have"
    return f"{unmapped:,} of {organizations:,} organizations {verb} no client yet."


def _start_text(facts: ConnectionFacts, can_start: bool) -> str:
    if not can_start:
        verb = "Polling goes on" if facts.is_started else "You can start"
        return f"{verb} once the account is connected and routing is complete."
    if _runs(facts):
        return "Polling was started."
    if facts.is_paused:
        return "Polling is paused; resume it to go on."
    return "See what the first poll would create, then start it."


def _tell_text(facts: ConnectionFacts) -> str:
    if not facts.is_telling_decided:
        return "Choose who is told when something happens: three policies are ready to be taken."
    if not facts.has_policies:
        return "The offered policies were declined, and there are no others: nobody is told."
    if facts.untold:
        return f"Criticals reach nobody. {' '.join(facts.untold)}"
    return "Critical incidents reach somebody."


def _links_text(facts: ConnectionFacts) -> str:
    if facts.is_link_checked:
        return "The format of links to Huntress's portal is chosen."
    if not facts.has_incident:
        return "After the first poll: check that links open the incident in Huntress's portal."
    return "Open the newest incident in Huntress's portal and choose the link format that works."
