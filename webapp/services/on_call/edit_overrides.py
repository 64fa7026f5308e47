"""Overrides: somebody else takes a time, two people swap their shifts, an override ends early."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.on_call import Override, Shift, swap
from webapp.domain.untrusted import clean_line, cut, parse_moment
from webapp.models import OnCallOverride, User
from webapp.models.columns import NAME_LENGTH
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_row, get_user
from webapp.services.on_call.edit_rotation import SUBJECT
from webapp.services.on_call.plan import LONGEST_OVERRIDE, LOOK_AHEAD, LOOK_BACK, load_plan
from webapp.services.transactions import transaction

OTHER_SHIFT = "That shift is over or has changed meanwhile. Look at the list and choose again."
NOT_YOURS = "Only an admin can put somebody else on call; you can take a shift yourself."


@dataclass(frozen=True, slots=True)
class ShiftKey:
    """Names a shift as somebody saw it; it is found only while the plan still says so."""

    person: int
    starts_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        """The text for forms, which `parse_shift_key` reads."""
        return f"{self.person}/{self.starts_at.isoformat()}/{self.ends_at.isoformat()}"


def parse_shift_key(text: str | None) -> ShiftKey:
    """Read what `str(key)` gave; raises RefusedError for another text."""
    person, _, times = (text or "").partition("/")
    start, _, end = times.partition("/")
    starts_at, ends_at = parse_moment(start), parse_moment(end)
    if starts_at is None or ends_at is None or not (person.isascii() and person.isdecimal()):
        raise RefusedError(OTHER_SHIFT)
    return ShiftKey(int(person), starts_at, ends_at)


def add_override(
    user_id: int,
    starts_at: datetime | None,
    ends_at: datetime | None,
    *,
    reason: str | None = None,
    actor_id: int | None = None,
) -> OnCallOverride:
    """Put a person on call from `starts_at` (None, or passed: from now) until `ends_at`.

    Everybody may do that for themselves, and admins and commands for others. Raises FieldError,
    RefusedError, NotFoundError.
    """
    with transaction() as session:
        now = clock.utcnow()
        _require_right(session, actor_id, {user_id})
        start = max(starts_at or now, now)
        _check_times(start, ends_at, now)
        return _add(session, Override(user_id, start, ends_at or now), reason, actor_id, now)


def take_shift(key: ShiftKey, *, actor_id: int) -> OnCallOverride:
    """Take somebody's shift, from now on if it has begun. Raises RefusedError."""
    with transaction() as session:
        now = clock.utcnow()
        shift = _find_shift(session, key, now)
        if shift.person == actor_id:
            raise RefusedError("That shift is yours already.")
        return _add(
            session,
            Override(actor_id, max(shift.starts_at, now), shift.ends_at),
            f"Taken from {get_user(session, key.person).name}",
            actor_id,
            now,
        )


def swap_shifts(first: ShiftKey, second: ShiftKey, *, actor_id: int | None = None) -> None:
    """Give each of two people the other's shift, by two overrides.

    One of the two may do that, an admin, or a command. Of a shift that has begun, the rest is
    swapped. Raises RefusedError.
    """
    with transaction() as session:
        now = clock.utcnow()
        _require_right(session, actor_id, {first.person, second.person}, is_swap=True)
        shifts = [_find_shift(session, key, now) for key in (first, second)]
        if first.person == second.person:
            raise RefusedError("Choose the shifts of two people; both of these are of one person.")
        for override, other in zip(swap(*shifts), (first.person, second.person), strict=True):
            _add(session, override, f"Swap with {get_user(session, other).name}", actor_id, now)


def end_override(override_id: int, *, actor_id: int | None = None) -> None:
    """End an override now, or withdraw it if it has not begun.

    The person who is put on call may do that, who added it, an admin, or a command. Raises
    RefusedError, NotFoundError.
    """
    with transaction() as session:
        now = clock.utcnow()
        override = get_row(
            session, OnCallOverride, override_id, "That override was ended already.", lock=True
        )
        if override.ends_at <= now:
            raise RefusedError("That override is over.")
        _require_right(session, actor_id, {override.user_id, override.created_by_id or 0})
        _record(session, "on_call.override_ended", override, actor_id)
        if override.starts_at >= now:
            session.delete(override)
        else:
            override.ends_at = now


def _check_times(start: datetime, end: datetime | None, now: datetime) -> None:
    if end is None or end <= start:
        raise FieldError({"ends_at": "Enter an end that is later than now and than the beginning."})
    if end - start > LONGEST_OVERRIDE:
        raise FieldError(
            {
                "ends_at": f"An override is at most {LONGEST_OVERRIDE.days} days long; change the "
                "rotation for more."
            }
        )
    if end - now > LOOK_AHEAD:
        raise FieldError({"ends_at": f"Enter an end within the next {LOOK_AHEAD.days} days."})


def _require_right(
    session: Session, actor_id: int | None, people: set[int], *, is_swap: bool = False
) -> None:
    if actor_id is None or actor_id in people or get_user(session, actor_id).is_admin:
        return
    raise RefusedError("Only an admin swaps the shifts of others." if is_swap else NOT_YOURS)


def _find_shift(session: Session, key: ShiftKey, now: datetime) -> Shift:
    """The shift that the key names, if the plan still has it and it is not over."""
    plan = load_plan(session, now - LOOK_BACK)
    for shift in plan.shifts(now - LOOK_BACK, now + LOOK_AHEAD + LONGEST_OVERRIDE, now):
        if (shift.person, shift.starts_at, shift.ends_at) == (
            key.person,
            key.starts_at,
            key.ends_at,
        ) and shift.ends_at > now:
            return shift
    raise RefusedError(OTHER_SHIFT)


def _add(
    session: Session,
    override: Override,
    reason: str | None,
    actor_id: int | None,
    now: datetime,
) -> OnCallOverride:
    user: User = get_user(session, override.person, lock=True)
    if user.is_auditor:
        raise FieldError({"person": f"{user.name} is an auditor; choose somebody else."})
    if not user.is_active:
        raise FieldError({"person": f"{user.name} is deactivated; choose somebody else."})
    row = OnCallOverride(
        user=user,
        starts_at=max(override.starts_at, now),
        ends_at=override.ends_at,
        reason=cut(clean_line(reason) or "", NAME_LENGTH) or None,
        created_by_id=actor_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    _record(session, "on_call.override_added", row, actor_id)
    return row


def _record(session: Session, action: str, override: OnCallOverride, actor_id: int | None) -> None:
    values = {
        "user_id": override.user_id,
        "from": override.starts_at,
        "until": override.ends_at,
        "reason": override.reason,
    }
    is_end = action.endswith("ended")
    record_event(
        session,
        action=action,
        subject_type=SUBJECT,
        before=values if is_end else None,
        after=None if is_end else values,
        actor_id=actor_id,
    )
