"""Setting the rotation: who takes turns, and when they hand over."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.on_call import Every, Handover, Rotation, begin_rotation, kept_turns
from webapp.domain.on_call_words import WEEKDAYS, handover_words, parse_time_of_day
from webapp.models import OnCallMember, OnCallOverride, OnCallRotation, User
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import EditConflictError, last_editor, version_of
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.on_call.plan import LOOK_BACK, OnCallPlan, load_plan, zone_named
from webapp.services.people.set_preferences import UTC_NAME, find_time_zone
from webapp.services.transactions import transaction

SUBJECT = "on_call"
MOST_MEMBERS = 50
SYSTEM_REASON = "As it was before the rotation was changed"
_ONE_ROW = 1


@dataclass(frozen=True, slots=True)
class RotationValues:
    """What a person sets.

    `at` is a time of day such as `09:00` in `time_zone`, and `weekday` (0 is Monday) is that of a
    weekly handover. `people` are ids in the order of their turns: the first is on call now.
    """

    every: str
    weekday: int
    at: str
    time_zone: str
    people: Sequence[int]


def rotation_values(plan: OnCallPlan, now: datetime) -> RotationValues | None:
    """The stored rotation as a person sets it at `now`, without people who are deactivated.

    None if there is no rotation.
    """
    rotation = plan.stored
    if rotation is None or plan.row is None:
        return None
    return RotationValues(
        every=plan.row.every,
        weekday=rotation.handover.weekday,
        at=f"{rotation.handover.at:%H:%M}",
        time_zone=plan.row.time_zone,
        people=[one for one in rotation.order_at(now) if plan.people[one].may_work],
    )


def rotation_version(plan: OnCallPlan, now: datetime) -> str:
    """A text that differs once the rotation was changed, or another turn has begun."""
    rotation = plan.stored
    if rotation is None or plan.row is None:
        return version_of({})
    return f"{version_of({'updated_at': plan.row.updated_at})}-{rotation.turn_at(now)}"


def set_rotation(
    wanted: RotationValues, *, actor_id: int | None = None, seen: str | None = None
) -> bool:
    """Store the rotation; returns False if it is this one already.

    The first person is on call from now until the next handover. What was before now stays as it
    was. `seen` is the `rotation_version` that the person looked at. Raises FieldError, and
    EditConflictError if that is not the stored one.
    """
    handover, zone_name = _checked(wanted)
    try:
        with transaction() as session:
            now = clock.utcnow()
            plan = _locked_plan(session, now)
            _check_people(session, wanted.people)
            if _is_stored(plan, wanted, handover, zone_name, now):
                return False
            _refuse_conflict(session, plan, seen, now)
            rotation = begin_rotation(handover, wanted.people, now)
            before = _described(plan)
            _keep_past(session, plan, rotation, now)
            _write(session, plan.row, rotation, zone_name, now)
            after = _described(load_plan(session, now))
            _record(session, "on_call.rotation_set", before, after, actor_id)
            return True
    except IntegrityError as error:  # two people set the first rotation at once
        raise EditConflictError({}) from error


def remove_rotation(*, actor_id: int | None = None) -> None:
    """Delete the rotation and its calendar's address; overrides stay. Raises NotFoundError."""
    with transaction() as session:
        now = clock.utcnow()
        plan = _locked_plan(session, now)
        if plan.row is None:
            raise NotFoundError("There is no rotation.")
        _keep_past(session, plan, None, now)
        session.execute(delete(OnCallMember))
        session.delete(plan.row)
        _record(session, "on_call.rotation_removed", _described(plan), {}, actor_id)


def _checked(wanted: RotationValues) -> tuple[Handover, str]:
    """The handover and the zone's name, or FieldError."""
    errors: dict[str, str] = {}
    zone_name = UTC_NAME
    try:
        zone_name = find_time_zone(wanted.time_zone) or UTC_NAME
    except FieldError as error:
        errors.update(error.fields)
    at = parse_time_of_day(wanted.at)
    if at is None:
        errors["at"] = "Enter the time of day of the handover, such as 09:00."
    if wanted.every not in [one.value for one in Every]:
        errors["every"] = "The handover is daily or weekly."
    if not 0 <= wanted.weekday < len(WEEKDAYS):
        errors["weekday"] = "Choose the weekday of the handover."
    if not 0 < len(wanted.people) <= MOST_MEMBERS:
        errors["people"] = f"Choose who takes turns: from one person to {MOST_MEMBERS}."
    if errors:
        raise FieldError(errors)
    zone = zone_named(zone_name)
    return Handover(Every(wanted.every), zone, at or time(), wanted.weekday), zone_name


def _locked_plan(session: Session, now: datetime) -> OnCallPlan:
    session.execute(select(OnCallRotation.id).with_for_update())
    return load_plan(session, now - LOOK_BACK)


def _check_people(session: Session, people: Sequence[int]) -> None:
    active = set(session.scalars(select(User.id).where(User.may_work, User.id.in_(people))))
    if not active.issuperset(people):
        raise FieldError({"people": "Somebody you chose cannot sign in any more; choose again."})


def _is_stored(
    plan: OnCallPlan, wanted: RotationValues, handover: Handover, zone_name: str, now: datetime
) -> bool:
    rotation = plan.stored
    if rotation is None or plan.row is None or plan.row.time_zone != zone_name:
        return False
    is_same_time = handover_words(rotation.handover) == handover_words(handover)
    return is_same_time and rotation.order_at(now) == tuple(wanted.people)


def _refuse_conflict(session: Session, plan: OnCallPlan, seen: str | None, now: datetime) -> None:
    version = rotation_version(plan, now)
    if seen is None or seen == version:
        return
    is_handover = seen.partition("-")[0] == version.partition("-")[0]
    who = "A handover" if is_handover else last_editor(session, SUBJECT, _ONE_ROW)
    stored = rotation_values(plan, now)
    current = asdict(stored) if stored else {}
    raise EditConflictError({name: current[name] for name in current if name != "people"}, who)


def _keep_past(
    session: Session, plan: OnCallPlan, rotation: Rotation | None, now: datetime
) -> None:
    """Store what the old rotation said until now as overrides, where the new one says otherwise."""
    if plan.stored is None:
        return
    for kept in kept_turns(plan.stored, plan.all_overrides(), rotation, now - LOOK_BACK, now):
        session.add(
            OnCallOverride(
                user_id=kept.person,
                starts_at=kept.starts_at,
                ends_at=kept.ends_at,
                reason=SYSTEM_REASON,
                created_at=now,
            )
        )


def _write(
    session: Session,
    row: OnCallRotation | None,
    rotation: Rotation,
    zone_name: str,
    now: datetime,
) -> None:
    row = row or OnCallRotation(id=_ONE_ROW)
    row.time_zone, row.every = zone_name, rotation.every.value
    row.starts_at, row.updated_at = rotation.starts_at, now
    session.add(row)
    session.execute(delete(OnCallMember))
    session.flush()
    session.add_all(
        OnCallMember(position=place, user_id=person)
        for place, person in enumerate(rotation.members)
    )
    session.flush()


def _described(plan: OnCallPlan) -> dict[str, object]:
    """The rotation as the audit log tells it; empty if there is none."""
    if plan.stored is None or plan.row is None:
        return {}
    return {
        "handover": handover_words(plan.stored.handover),
        "time_zone": plan.row.time_zone,
        "people": [user.email for user in plan.members],
    }


def _record(
    session: Session,
    action: str,
    before: dict[str, object],
    after: dict[str, object],
    actor_id: int | None,
) -> None:
    old, new = changes_between(before, after) if before and after else (before, after)
    record_event(
        session,
        action=action,
        subject_type=SUBJECT,
        subject_id=_ONE_ROW,
        before=old or None,
        after=new or None,
        actor_id=actor_id,
    )
