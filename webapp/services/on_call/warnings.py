"""What is wrong with the plan: times without anybody, and people whom no message reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from webapp.domain.on_call import stretches
from webapp.models import User
from webapp.services.on_call.plan import LOOK_AHEAD, OnCallPlan


class PlanFault(StrEnum):
    """The kinds of warnings, the gravest first."""

    NO_ROTATION = "no rotation"
    GAP = "gap"
    DEACTIVATED = "deactivated"
    NO_CONTACT = "no contact method"


@dataclass(frozen=True, slots=True)
class OnCallWarning:
    """One warning; `person` is whom it is about, `starts_at` and `ends_at` (UTC) are of a gap.

    A gap without `ends_at` has no end that can be foreseen.
    """

    fault: PlanFault
    person: User | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def sentence(self, zone: tzinfo) -> str:
        """What is wrong and what to do, with times in `zone`."""
        name = self.person.name if self.person else ""
        if self.fault is PlanFault.NO_ROTATION:
            return (
                "There is no rotation: nobody is on call unless an override says so. An admin sets "
                "it up under “On call”."
            )
        if self.fault is PlanFault.DEACTIVATED:
            return (
                f"{name} is deactivated: whoever follows in the order takes their shifts. Save the "
                f"rotation without {name}."
            )
        if self.fault is PlanFault.NO_CONTACT:
            return (
                f"{name} has no confirmed contact method: while they are on "
                "call, no message reaches them. Let them add one and confirm it."
            )
        until = f"to {_when(self.ends_at, zone)}" if self.ends_at else "on"
        return (
            f"Nobody is on call from {_when(self.starts_at, zone)} {until}. Add an override, or "
            "somebody to the rotation."
        )


def find_warnings(plan: OnCallPlan, now: datetime) -> list[OnCallWarning]:
    """What is wrong with the plan from now on, the gravest first."""
    if plan.row is None or not plan.members:
        gaps = [OnCallWarning(PlanFault.NO_ROTATION)]
    else:
        gaps = list(_gaps(plan, now))
    members = {user.id: user for user in plan.members}
    away = [user for user in members.values() if not user.may_work]
    coming = [one.user for one in plan.overrides if one.ends_at > now]
    relied_on = {user.id: user for user in (*plan.members, *coming) if user.may_work}
    return [
        *gaps,
        *(OnCallWarning(PlanFault.DEACTIVATED, user) for user in away),
        *(
            OnCallWarning(PlanFault.NO_CONTACT, user)
            for user in relied_on.values()
            if user.id not in plan.reachable
        ),
    ]


def _gaps(plan: OnCallPlan, now: datetime) -> Iterator[OnCallWarning]:
    horizon = now + LOOK_AHEAD
    for shift in stretches(plan.shifts(now, horizon, now)):
        if shift.person is None:
            ends_at = None if shift.ends_at == horizon else shift.ends_at
            yield OnCallWarning(PlanFault.GAP, None, shift.starts_at, ends_at)


def _when(time: datetime | None, zone: tzinfo) -> str:
    local = time.astimezone(zone) if time else None
    return f"{local.day} {local:%b %Y, %H:%M}" if local else ""
