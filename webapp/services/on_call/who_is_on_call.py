"""Who is on call now, who is next, and what is wrong with the plan."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.on_call import Shift, who_at
from webapp.models import OnCallMember, OnCallRotation, User
from webapp.services.on_call.plan import LOOK_AHEAD, LOOK_BACK, OnCallPlan, load_plan, zone_named
from webapp.services.on_call.warnings import OnCallWarning, find_warnings
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class PersonsShift:
    """A shift (UTC) of a person; `is_override` says that the rotation does not name them."""

    user: User
    starts_at: datetime
    ends_at: datetime
    is_override: bool


@dataclass(frozen=True, slots=True)
class OnCallView:
    """Who is on call `now` and who is `next` (None for nobody), and what is wrong.

    `is_used` says that there is a rotation, an override to come or a policy of messages: whoever
    has none of them needs to know nothing of it.
    """

    now: PersonsShift | None
    next: PersonsShift | None
    warnings: tuple[OnCallWarning, ...]
    is_used: bool


def who_is_on_call(session: Session, now: datetime, plan: OnCallPlan | None = None) -> User | None:
    """Return who is on call at `now`; None for nobody. Only reads, in two statements.

    It is never somebody who is deactivated, nor an auditor. Runs within the caller's transaction.
    `plan` is what the caller has read already.
    """
    plan = plan or load_plan(session, now)
    person = who_at(plan.active, plan.active_overrides(), now)
    return None if person is None else plan.people[person]


def read_on_call(now: datetime) -> OnCallView:
    """Return who is on call at `now` and next, and what is wrong."""
    with reading() as session:
        return describe_plan(load_plan(session, now - LOOK_BACK), now)


def describe_plan(plan: OnCallPlan, now: datetime) -> OnCallView:
    """Return what a plan says about `now`."""
    found = [
        shift
        for shift in plan.shifts(now - LOOK_BACK, now + LOOK_AHEAD, now)
        if shift.ends_at > now and shift.person is not None
    ]
    current = next((shift for shift in found if shift.starts_at <= now), None)
    following = next((shift for shift in found if shift.starts_at > now), None)
    return OnCallView(
        now=with_person(plan, current),
        next=with_person(plan, following),
        warnings=tuple(find_warnings(plan, now)),
        is_used=plan.row is not None
        or plan.has_policies
        or any(one.ends_at > now for one in plan.overrides),
    )


def with_person(plan: OnCallPlan, shift: Shift | None) -> PersonsShift | None:
    """A shift with the person; None for no shift, and where nobody is on call."""
    if shift is None or shift.person is None:
        return None
    user = plan.people[shift.person]
    return PersonsShift(user, shift.starts_at, shift.ends_at, shift.override is not None)


def is_in_rotation(user_id: int) -> bool:
    """Whether a person takes turns in the rotation."""
    with reading() as session:
        query = select(OnCallMember.position).where(OnCallMember.user_id == user_id).limit(1)
        return session.scalar(query) is not None


def rotation_zone() -> tzinfo | None:
    """The rotation's time zone; None if there is no rotation."""
    with reading() as session:
        name = session.scalar(select(OnCallRotation.time_zone))
        return None if name is None else zone_named(name)
