"""The targets and opening hours that the clocks of tickets go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.triage.clocks import ClockTarget
from webapp.domain.triage.opening import OpenTimes, read_open_times
from webapp.models import OpeningHours, TimeTarget


@dataclass(frozen=True, slots=True)
class ClockRules:
    """The target of each priority that has one, by its id; no opening hours: every hour counts."""

    targets: Mapping[int, ClockTarget] = field(default_factory=dict)
    opening: OpenTimes | None = None

    @property
    def are_off(self) -> bool:
        """Whether no ticket is ever due."""
        return not self.targets


def read_clock_rules(session: Session) -> ClockRules:
    """Read the rules as they are now; without targets it takes one statement."""
    targets = {
        priority_id: ClockTarget(
            touch_minutes=touch, close_minutes=close, is_around_the_clock=is_around_the_clock
        )
        for priority_id, touch, close, is_around_the_clock in session.execute(
            select(
                TimeTarget.priority_id,
                TimeTarget.touch_minutes,
                TimeTarget.close_minutes,
                TimeTarget.is_around_the_clock,
            )
        )
    }
    if not targets:
        return ClockRules()
    hours = session.execute(
        select(OpeningHours.zone, OpeningHours.days, OpeningHours.holidays)
    ).one_or_none()
    opening = None if hours is None else read_open_times(dict(hours._mapping))
    return ClockRules(targets, opening)
