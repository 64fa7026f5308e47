"""The remediations of a report as a work list: what people do first, identical ones once."""

from collections.abc import Iterable
from dataclasses import dataclass

from webapp.domain.incident import Remediation
from webapp.domain.triage.steps import OVER

_FOR_PEOPLE, _FAILED_FIRST = "manual", "failed"


@dataclass(frozen=True, slots=True)
class RemediationTarget:
    """What a step is applied to, in words, and how many steps of the report say just that."""

    words: str
    count: int


@dataclass(frozen=True, slots=True)
class RemediationGroup:
    """Steps of one action in one state; `count` is how many steps they are.

    `is_for_people` says that nothing but a person does them, `is_left` that they are not done yet.
    """

    action: str
    state: str
    count: int
    is_for_people: bool
    is_left: bool
    targets: tuple[RemediationTarget, ...]


def group_remediations(items: Iterable[Remediation]) -> list[RemediationGroup]:
    """The steps by action and state: what is left before what is done, work of people first."""
    groups: dict[tuple[str, str, bool], dict[str, int]] = {}
    for item in items:
        state = (item.status or "unknown").lower()
        action = item.action or item.type or "unnamed"
        key = (action, state, _is_for_people(item))
        targets = groups.setdefault(key, {})
        words = ", ".join(item.parameters)
        targets[words] = targets.get(words, 0) + 1
    found = [
        RemediationGroup(
            action=action,
            state=state,
            count=sum(targets.values()),
            is_for_people=is_for_people,
            is_left=is_step_left(state),
            targets=tuple(RemediationTarget(words, count) for words, count in targets.items()),
        )
        for (action, state, is_for_people), targets in groups.items()
    ]
    return sorted(found, key=_place)


def is_step_left(state: str | None) -> bool:
    """Whether a step in this state still has to be done; a failed one has to."""
    return (state or "").lower() not in OVER


def _is_for_people(item: Remediation) -> bool:
    return (item.type or "").lower() == _FOR_PEOPLE


def _place(group: RemediationGroup) -> tuple[bool, bool, bool]:
    """Where a group stands; groups of one place keep the order of the report."""
    return (not group.is_left, not group.is_for_people, group.state != _FAILED_FIRST)
