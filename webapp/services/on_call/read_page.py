"""What the page of on-call duty shows, read in one unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from webapp.models import OnCallOverride, User
from webapp.services.on_call.edit_overrides import ShiftKey
from webapp.services.on_call.edit_rotation import (
    RotationValues,
    rotation_values,
    rotation_version,
)
from webapp.services.on_call.plan import LONGEST_OVERRIDE, LOOK_AHEAD, LOOK_BACK, load_plan
from webapp.services.on_call.who_is_on_call import (
    OnCallView,
    PersonsShift,
    describe_plan,
    with_person,
)
from webapp.services.transactions import reading

SHOWN_SHIFTS = 12


@dataclass(frozen=True, slots=True)
class OnCallPage:
    """What the page shows.

    `shifts` are those that go on or come, `overrides` those that have not ended, with who added
    them by id in `people`. `people` are the users who can sign in, by name. `rotation` is None if
    there is none; `version` belongs to it.
    """

    view: OnCallView
    shifts: Sequence[PersonsShift]
    overrides: Sequence[OnCallOverride]
    people: Sequence[User]
    rotation: RotationValues | None
    version: str
    has_feed: bool


def key_of(shift: PersonsShift) -> ShiftKey:
    """The key by which a form names this shift."""
    return ShiftKey(shift.user.id, shift.starts_at, shift.ends_at)


def read_on_call_page(now: datetime) -> OnCallPage:
    """Read the page as of `now`."""
    with reading() as session:
        plan = load_plan(session, now - LOOK_BACK)
        shifts = plan.shifts(now - LOOK_BACK, now + LOOK_AHEAD + LONGEST_OVERRIDE, now)
        told = [with_person(plan, shift) for shift in shifts if shift.ends_at > now]
        people = session.scalars(
            select(User).where(User.may_work).order_by(func.lower(User.name), User.id)
        )
        return OnCallPage(
            view=describe_plan(plan, now),
            shifts=[shift for shift in told if shift is not None][:SHOWN_SHIFTS],
            overrides=[one for one in plan.overrides if one.ends_at > now],
            people=list(people),
            rotation=rotation_values(plan, now),
            version=rotation_version(plan, now),
            has_feed=plan.row is not None and plan.row.feed_hash is not None,
        )
