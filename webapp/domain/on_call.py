"""Who is on call when: people take turns in a rotation, and overrides put somebody else in.

People are known by their ids. Moments are UTC. A handover is at the same time of day of the
rotation's zone all year: a turn over a change of clocks is an hour shorter or longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

MOMENT = timedelta(microseconds=1)


class Every(StrEnum):
    """How often a rotation hands over."""

    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def days(self) -> int:
        """The days from one handover to the next."""
        return 1 if self is Every.DAILY else 7


@dataclass(frozen=True, slots=True)
class Handover:
    """Every day or every week at a time of day in a zone; `weekday` 0 is Monday."""

    every: Every
    zone: tzinfo
    at: time
    weekday: int = 0

    def on(self, day: date) -> datetime:
        """Return the moment of the handover on a day.

        Where clocks skip that time, it is as much later; where they show it twice, it is the first.
        """
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)

    def last_day(self, now: datetime) -> date:
        """Return the day of the last handover that is not later than `now`."""
        day = now.astimezone(self.zone).date() + timedelta(days=1)
        if self.every is Every.WEEKLY:
            day -= timedelta(days=(day.weekday() - self.weekday) % 7)
        while self.on(day) > now:
            day -= timedelta(days=self.every.days)
        return day


@dataclass(frozen=True, slots=True)
class Rotation:
    """People take turns from `starts_at` on, when the first one is on call.

    `starts_at` is a handover: it says at which time of day, and on which weekday, all others are.
    """

    every: Every
    zone: tzinfo
    starts_at: datetime
    members: tuple[int, ...]

    @property
    def handover(self) -> Handover:
        """When it hands over."""
        local = self.starts_at.astimezone(self.zone)
        return Handover(self.every, self.zone, local.time(), local.weekday())

    def handover_at(self, number: int) -> datetime:
        """Return the moment at which turn `number` begins; turn 0 begins at `starts_at`."""
        local = self.starts_at.astimezone(self.zone)
        return self.handover.on(local.date() + timedelta(days=number * self.every.days))

    def turn_at(self, moment: datetime) -> int:
        """Return the number of the turn that a moment lies in; negative before `starts_at`."""
        days = moment.astimezone(self.zone).date() - self.starts_at.astimezone(self.zone).date()
        number = days.days // self.every.days + 1
        while self.handover_at(number) > moment:
            number -= 1
        return number

    def person_at(self, moment: datetime) -> int | None:
        """Return whose turn it is; None before `starts_at`, and where the rotation is empty."""
        number = self.turn_at(moment)
        is_empty = number < 0 or not self.members
        return None if is_empty else self.members[number % len(self.members)]

    def order_at(self, moment: datetime) -> tuple[int, ...]:
        """Return the members in the order of their turns from this moment on."""
        first = self.turn_at(moment) % len(self.members) if self.members else 0
        return self.members[first:] + self.members[:first]


@dataclass(frozen=True, slots=True)
class Override:
    """A time in which `person` is on call instead; `mark` tells overrides apart."""

    person: int
    starts_at: datetime
    ends_at: datetime
    mark: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """A time in which one person is on call, or nobody (None).

    `override` is the mark of the override that it comes from, None where the rotation says so.
    """

    person: int | None
    starts_at: datetime
    ends_at: datetime
    override: int | None = None


def begin_rotation(handover: Handover, members: Sequence[int], now: datetime) -> Rotation:
    """Return the rotation in which the first member is on call at `now`, until the next handover.

    `starts_at` is the last handover, or an earlier one with the same person where clocks skipped
    the time of day: all later handovers take their time from it. Without a member it is empty.
    """
    day = handover.last_day(now)
    rounds = handover.every.days * max(len(members), 1)
    while handover.on(day).astimezone(handover.zone).time() != handover.at:
        day -= timedelta(days=rounds)
    return Rotation(handover.every, handover.zone, handover.on(day), tuple(members))


def stand_ins(members: Sequence[int], active: frozenset[int]) -> tuple[int, ...]:
    """Return the members, each who is not active replaced by the next one in order who is.

    Everybody else's turns stay as they are. Empty if nobody is active.
    """
    if active.isdisjoint(members):
        return ()
    return tuple(
        next(one for one in (*members[place:], *members[:place]) if one in active)
        for place in range(len(members))
    )


def shifts(
    rotation: Rotation | None, overrides: Sequence[Override], start: datetime, end: datetime
) -> list[Shift]:
    """Return who is on call from `start` to `end`, without a hole: each begins where one ended.

    `overrides` are in the order in which they were made: of several, the newest counts. A shift
    ends where the rotation hands over, also if the same person goes on; an override is one shift.
    """
    found = _turns(rotation, start, end) if start < end else []
    for override in overrides:
        found = _lay_over(found, override)
    return _joined(found)


def who_at(
    rotation: Rotation | None, overrides: Sequence[Override], moment: datetime
) -> int | None:
    """Return who is on call at a moment, None for nobody."""
    return shifts(rotation, overrides, moment, moment + MOMENT)[0].person


def next_handover(rotation: Rotation, moment: datetime) -> datetime:
    """Return the rotation's first handover after a moment."""
    return rotation.handover_at(rotation.turn_at(moment) + 1)


def stretches(found: Sequence[Shift]) -> list[Shift]:
    """Return contiguous shifts with those of one person in a row made one, without their marks."""
    result: list[Shift] = []
    for shift in found:
        if result and result[-1].person == shift.person:
            result[-1] = replace(result[-1], ends_at=shift.ends_at)
        else:
            result.append(replace(shift, override=None))
    return result


def gaps(
    rotation: Rotation | None, overrides: Sequence[Override], start: datetime, end: datetime
) -> list[Shift]:
    """Return the times from `start` to `end` in which nobody is on call."""
    found = stretches(shifts(rotation, overrides, start, end))
    return [shift for shift in found if shift.person is None]


def swap(first: Shift, second: Shift) -> tuple[Override, Override]:
    """Return the overrides by which two people take each other's shift.

    Raises ValueError if nobody is on call in one of them, or the same person in both.
    """
    if first.person is None or second.person is None or first.person == second.person:
        raise ValueError("a swap needs the shifts of two people")
    return (
        Override(second.person, first.starts_at, first.ends_at),
        Override(first.person, second.starts_at, second.ends_at),
    )


def kept_turns(
    old: Rotation,
    overrides: Sequence[Override],
    new: Rotation | None,
    start: datetime,
    now: datetime,
) -> list[Override]:
    """Return overrides that keep what `old` said from `start` until `now` once `new` replaces it.

    Nothing is kept for a time of which `new` says the same.
    """
    change = new.starts_at if new else now
    follower = new.person_at(now) if new else None
    kept = []
    for shift in shifts(old, overrides, start, now):
        end = min(shift.ends_at, change) if shift.person == follower else shift.ends_at
        if shift.person is not None and shift.override is None and shift.starts_at < end:
            kept.append(Override(shift.person, shift.starts_at, end))
    return kept


def _turns(rotation: Rotation | None, start: datetime, end: datetime) -> list[Shift]:
    """The turns of the rotation between two moments, cut at both."""
    if rotation is None or not rotation.members:
        return [Shift(None, start, end)]
    found = []
    while start < end:
        until = min(end, next_handover(rotation, start))
        found.append(Shift(rotation.person_at(start), start, until))
        start = until
    return found


def _lay_over(found: Sequence[Shift], override: Override) -> list[Shift]:
    result: list[Shift] = []
    for shift in found:
        begin = max(shift.starts_at, override.starts_at)
        end = min(shift.ends_at, override.ends_at)
        if begin >= end:
            result.append(shift)
            continue
        if shift.starts_at < begin:
            result.append(replace(shift, ends_at=begin))
        result.append(Shift(override.person, begin, end, override.mark))
        if end < shift.ends_at:
            result.append(replace(shift, starts_at=end))
    return result


def _joined(found: Sequence[Shift]) -> list[Shift]:
    """Neighbours that are parts of one override, or of one time without anybody, as one shift."""
    result: list[Shift] = []
    for shift in found:
        last = result[-1] if result else None
        is_split = shift.override is not None or shift.person is None
        if last and is_split and (last.person, last.override) == (shift.person, shift.override):
            result[-1] = replace(last, ends_at=shift.ends_at)
        else:
            result.append(shift)
    return result
