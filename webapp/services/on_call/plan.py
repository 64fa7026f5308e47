"""The rotation and its overrides as they are stored, and the shifts that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session, contains_eager

from webapp.domain.on_call import Every, Override, Rotation, Shift, shifts, stand_ins
from webapp.models import OnCallMember, OnCallOverride, OnCallRotation, Policy, Target, User

LONGEST_OVERRIDE = timedelta(days=31)
LOOK_BACK = timedelta(days=38)
"""How far back shifts are computed; none that goes on now began earlier."""

LOOK_AHEAD = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class OnCallPlan:
    """Who is on call when, as stored.

    `members` are in order, deactivated ones included; `overrides` are the oldest first. `people`
    are all these by id, and `reachable` the ids of those with a confirmed contact method.
    `has_policies` says that there is a policy of messages.
    """

    row: OnCallRotation | None
    members: Sequence[User]
    overrides: Sequence[OnCallOverride]
    people: Mapping[int, User]
    reachable: frozenset[int]
    has_policies: bool

    @property
    def stored(self) -> Rotation | None:
        """The rotation with all its members, also those who are deactivated."""
        return self._rotation(tuple(user.id for user in self.members))

    @property
    def active(self) -> Rotation | None:
        """The rotation in which the next in order stands in for those who are deactivated."""
        active = frozenset(user.id for user in self.members if user.may_work)
        return self._rotation(stand_ins([user.id for user in self.members], active))

    @property
    def changed_at(self) -> datetime | None:
        """When the rotation was set or an override added last; None without either."""
        times = [one.created_at for one in self.overrides]
        return max([*times, self.row.updated_at] if self.row else times, default=None)

    def active_overrides(self) -> list[Override]:
        """The overrides without those of people who are deactivated."""
        return [_as_rule(one) for one in self.overrides if one.user.may_work]

    def all_overrides(self) -> list[Override]:
        """The overrides of everybody."""
        return [_as_rule(one) for one in self.overrides]

    def shifts(self, start: datetime, end: datetime, now: datetime) -> list[Shift]:
        """Return the shifts between two moments.

        From `now` on nobody who is deactivated is on call; what was before stays as it was.
        """
        past = shifts(self.stored, self.all_overrides(), start, min(end, now))
        coming = shifts(self.active, self.active_overrides(), max(start, now), end)
        if past and coming and _is_same(past[-1], coming[0]):
            first = coming.pop(0)
            last = past.pop()
            past.append(Shift(last.person, last.starts_at, first.ends_at, last.override))
        return [*past, *coming]

    def _rotation(self, members: tuple[int, ...]) -> Rotation | None:
        if self.row is None:
            return None
        zone = zone_named(self.row.time_zone)
        return Rotation(Every(self.row.every), zone, self.row.starts_at, members)


def load_plan(session: Session, since: datetime) -> OnCallPlan:
    """Read the plan in two statements, with the overrides that end after `since`."""
    contact = exists().where(
        Target.user_id == User.id, Target.confirmed_at.is_not(None), Target.paused_at.is_(None)
    )
    one_row = select(exists().select_from(Policy).label("has_policies")).subquery()
    rows = session.execute(
        select(OnCallRotation, User, contact, one_row.c.has_policies)
        .select_from(one_row)
        .outerjoin(OnCallRotation, true())
        .outerjoin(OnCallMember, OnCallRotation.id.is_not(None))
        .outerjoin(User, User.id == OnCallMember.user_id)
        .order_by(OnCallMember.position)
        .execution_options(populate_existing=True)
    ).all()
    overrides = session.execute(
        select(OnCallOverride, contact)
        .join(OnCallOverride.user)
        .where(OnCallOverride.ends_at > since)
        .order_by(OnCallOverride.id)
        .options(contains_eager(OnCallOverride.user))
        .execution_options(populate_existing=True)
    ).all()
    members = [row[1] for row in rows if row[1] is not None]
    found = [*((row[1], row[2]) for row in rows), *((one.user, has) for one, has in overrides)]
    return OnCallPlan(
        row=rows[0][0],
        members=members,
        overrides=[row[0] for row in overrides],
        people={user.id: user for user, _ in found if user is not None},
        reachable=frozenset(user.id for user, has in found if user is not None and has),
        has_policies=bool(rows[0][3]),
    )


def zone_named(name: str) -> tzinfo:
    """The time zone of this name; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones raises OSError
        return UTC


def _as_rule(override: OnCallOverride) -> Override:
    return Override(override.user_id, override.starts_at, override.ends_at, override.id)


def _is_same(last: Shift, first: Shift) -> bool:
    return (last.person, last.override) == (first.person, first.override)
