"""How far an incident is: whether its host or identity is cut off, and which steps are left."""

import re
from dataclasses import dataclass

from webapp.domain.incident import Incident, Remediation

OVER = frozenset({"completed", "cancelled", "rejected"})
"""The statuses of steps that nobody has to do any more; any other word means that one is left."""

_CONTAINMENT = "containment"
_CUTS_OFF = re.compile(r"\b(?:isolat|disabl|suspend|lock)", re.IGNORECASE)
_LETS_IN = re.compile(r"\b(?:releas|re-?enabl|enabl|unlock|un-?isolat|de-?isolat)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Steps:
    """The remediations of an incident, how many are left, and whether its subject is cut off."""

    total: int
    left: int
    is_isolated: bool


def count_steps(incident: Incident) -> Steps:
    """Count the steps of a report; those it does not list count as left."""
    remediations = incident.remediations
    total = max(remediations.total, len(remediations.items))
    over = sum(_status(item) in OVER for item in remediations.items)
    return Steps(total, total - over, _is_isolated(remediations.items))


def _is_isolated(items: tuple[Remediation, ...]) -> bool:
    """Whether a containment was completed that cuts off, and none that lets in again."""
    done = [
        item.action or ""
        for item in items
        if (item.type or "").lower() == _CONTAINMENT and _status(item) == "completed"
    ]
    if any(_LETS_IN.search(action) for action in done):
        return False
    return any(_CUTS_OFF.search(action) for action in done)


def _status(item: Remediation) -> str:
    return (item.status or "").lower()
