"""Which policy an event falls to, and when its steps tell somebody."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from webapp.domain.incident import Severity
from webapp.domain.notices.events import CREATED, EVENTS, QUARANTINED, UNTOUCHED
from webapp.domain.notices.hours import Hours, HoursError, read_hours

SEVERITIES = (Severity.CRITICAL.value, Severity.HIGH.value, Severity.LOW.value)
"""The severities to choose from; any other word of Huntress counts as high, as it ranks."""

ANY, MAPPED, UNMAPPED = "any", "mapped", "unmapped"
SKIP, HOLD = "skip", "hold"
MOST_STEPS = 10
MOST_REPEATS = 20
LONGEST_WAIT = 24 * 60
"""Minutes from a step to the next one."""

MOST_MINUTES_UNTOUCHED = 7 * 24 * 60


class PolicyError(ValueError):
    """A policy that cannot be; `fields` has a sentence for each field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a policy is asked about: one event of one ticket."""

    event: str
    severity: str | None
    board_id: int
    client_id: int
    is_unmapped: bool

    @property
    def severity_class(self) -> str:
        """The severity that policies go by."""
        return _severity_class(self.severity)

    @property
    def is_critical(self) -> bool:
        """Whether quiet hours do not hold it."""
        return self.severity_class == Severity.CRITICAL.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a policy is about. An empty choice means any.

    Outside of `hours`, events are held until they begin (`outside` is HOLD), or fall to the next
    policy (SKIP). `untouched_minutes` belongs to the event UNTOUCHED.
    """

    events: tuple[str, ...] = (CREATED,)
    severities: tuple[str, ...] = ()
    board_ids: tuple[int, ...] = ()
    client_ids: tuple[int, ...] = ()
    mapping: str = ANY
    hours: Hours | None = None
    outside: str = HOLD
    untouched_minutes: int | None = None

    def fit(self, occasion: Occasion, now: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether a policy with these conditions takes `occasion` at `now`."""
        return (
            occasion.event in self.events
            and (not self.severities or occasion.severity_class in self.severities)
            and (not self.board_ids or occasion.board_id in self.board_ids)
            and (not self.client_ids or occasion.client_id in self.client_ids)
            and self.mapping in (ANY, UNMAPPED if occasion.is_unmapped else MAPPED)
            and self.hold_at(now, holidays)
        )

    def hold_at(self, now: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether the hours let a policy take anything at `now`."""
        return self.hours is None or self.outside == HOLD or self.hours.contain(now, holidays)

    def as_json(self) -> dict[str, Any]:
        """Return what `read_conditions` reads."""
        return {
            "events": list(self.events),
            "severities": list(self.severities),
            "board_ids": list(self.board_ids),
            "client_ids": list(self.client_ids),
            "mapping": self.mapping,
            "hours": None if self.hours is None else self.hours.as_json(),
            "outside": self.outside,
            "untouched_minutes": self.untouched_minutes,
        }


def read_conditions(values: Mapping[str, Any]) -> Conditions:
    """Return checked conditions; raises PolicyError with a sentence for each wrong field."""
    errors: dict[str, str] = {}
    events = tuple(dict.fromkeys(values.get("events") or ()))
    severities = tuple(dict.fromkeys(values.get("severities") or ()))
    minutes = values.get("untouched_minutes")
    if not events or not set(events) <= set(EVENTS):
        errors["events"] = f"Choose at least one event: {', '.join(EVENTS)}."
    if not set(severities) <= set(SEVERITIES):
        errors["severities"] = f"A severity is one of {', '.join(SEVERITIES)}."
    if UNTOUCHED in events and not _is_between(minutes, 1, MOST_MINUTES_UNTOUCHED):
        errors["untouched_minutes"] = "Say after how many minutes, at most a week."
    if values.get("mapping", ANY) not in (ANY, MAPPED, UNMAPPED):
        errors["mapping"] = f"Choose one of {ANY}, {MAPPED}, {UNMAPPED}."
    if values.get("outside", HOLD) not in (HOLD, SKIP):
        errors["outside"] = f"Choose one of {HOLD}, {SKIP}."
    hours = None
    try:
        hours = read_hours(values.get("hours"))
    except HoursError as error:
        errors["hours"] = str(error)
    if errors:
        raise PolicyError(errors)
    return Conditions(
        events=events,
        severities=severities,
        board_ids=tuple(values.get("board_ids") or ()),
        client_ids=tuple(values.get("client_ids") or ()),
        mapping=values.get("mapping", ANY),
        hours=hours,
        outside=values.get("outside", HOLD),
        untouched_minutes=minutes if UNTOUCHED in events else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """Whom a step tells, `after_minutes` after the one before; the first: after the event.

    One that `tells_everybody` tells all people, and the targets of its policy
    (`PolicyRule.with_team`).
    """

    after_minutes: int = 0
    target_ids: tuple[int, ...] = ()
    tells_on_call: bool = False
    tells_everybody: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """A policy as data. Without steps, its incidents only appear in the daily summary."""

    id: int
    name: str
    conditions: Conditions
    steps: tuple[StepRule, ...] = ()
    repeats: int = 0

    def step(self, place: int) -> StepRule | None:
        """Return the step at `place`; the last one is repeated, after that there is none."""
        if place < len(self.steps):
            return self.steps[place]
        is_repeated = self.steps and place < len(self.steps) + self.repeats
        return self.steps[-1] if is_repeated else None

    def with_team(self) -> "PolicyRule":
        """Return the policy with the targets of all its steps in those that tell everybody."""
        team = tuple(dict.fromkeys(key for step in self.steps for key in step.target_ids))
        return replace(
            self,
            steps=tuple(
                replace(step, target_ids=team) if step.tells_everybody else step
                for step in self.steps
            ),
        )


def check_steps(steps: Sequence[StepRule], repeats: int) -> dict[str, str]:
    """Return a sentence for each field of the steps that cannot be."""
    errors: dict[str, str] = {}
    if len(steps) > MOST_STEPS:
        errors["steps"] = f"A policy has at most {MOST_STEPS} steps."
    for place, step in enumerate(steps):
        if not _is_between(step.after_minutes, 0, LONGEST_WAIT):
            errors[f"steps-{place}-after_minutes"] = f"Wait for 0 to {LONGEST_WAIT:,} minutes."
        elif place and step.after_minutes == 0:
            errors[f"steps-{place}-after_minutes"] = "Wait for at least a minute before this step."
        if not (step.target_ids or step.tells_on_call or step.tells_everybody):
            errors[f"steps-{place}-tells"] = "Choose whom this step tells."
    if not _is_between(repeats, 0, MOST_REPEATS):
        errors["repeats"] = f"Repeat the last step 0 to {MOST_REPEATS} times."
    elif repeats and steps and steps[-1].after_minutes == 0:
        errors["repeats"] = "A step that is repeated needs a wait before it."
    return errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that decides who is told: the enabled policies in order, and the quiet hours."""

    policies: tuple[PolicyRule, ...] = ()
    quiet_hours: Hours | None = None
    holidays: frozenset[date] = field(default_factory=frozenset)

    def choose(self, occasion: Occasion, now: datetime) -> tuple[PolicyRule, str] | None:
        """Return the first policy that takes `occasion`, and as which event; None if none does.

        A report that cannot be read is a new ticket, where no policy is about such reports.
        """
        events = (QUARANTINED, CREATED) if occasion.event == QUARANTINED else (occasion.event,)
        for event in events:
            asked = Occasion(
                event=event,
                severity=occasion.severity,
                board_id=occasion.board_id,
                client_id=occasion.client_id,
                is_unmapped=occasion.is_unmapped,
            )
            for policy in self.policies:
                if policy.conditions.fit(asked, now, self.holidays):
                    return policy, event
        return None

    def released_at(self, policy: PolicyRule, *, is_critical: bool, now: datetime) -> datetime:
        """Return when people are told of what is due at `now`: then, or once nothing holds it.

        A policy's own hours hold everything that it is about. Quiet hours hold what is not
        critical.
        """
        hours = policy.conditions.hours
        moment = now
        for _ in range(8):  # the end of quiet hours may lie outside of the policy's hours
            before = moment
            if hours is not None and policy.conditions.outside == HOLD:
                moment = hours.next_begin(moment, self.holidays)
            if self.quiet_hours is not None and not is_critical:
                moment = self.quiet_hours.end_after(moment) or moment
            if moment == before:
                return moment
        return moment


def next_due(policy: PolicyRule, place: int, told_at: datetime) -> datetime | None:
    """Return when the step at `place` is due, if the one before told people at `told_at`."""
    step = policy.step(place)
    return None if step is None else told_at + timedelta(minutes=step.after_minutes)


@lru_cache(maxsize=64)  # it is asked for every policy and step
def _severity_class(word: str | None) -> str:
    severity = Severity.of(word)
    return Severity.HIGH.value if severity is Severity.UNKNOWN else severity.value


def _is_between(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
