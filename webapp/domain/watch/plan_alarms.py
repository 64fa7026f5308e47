"""What is to be said of conditions that hold: an alarm begins, is told again, ends.

A condition begins one alarm once, however often it is looked at. Alarms end only after their
condition has been gone for a while, and are silent while their cause is an alarm itself.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from webapp.domain.watch.alarm_kinds import HOLDS_FOR, alarm_kind, silencers_of

Key = tuple[str, str]
"""The kind of an alarm and its subject."""


class Telling(StrEnum):
    """What is told of an alarm."""

    BEGAN = "alarm.began"
    REPEATED = "alarm.repeated"
    ENDED = "alarm.ended"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not well now, in a sentence; `since` is when it was first seen (UTC)."""

    kind: str
    subject: str
    sentence: str
    since: datetime

    @property
    def key(self) -> Key:
        """What tells it from other conditions."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """An alarm that has not ended.

    `told` counts how often it was told, last at `last_told_at`. `clear_since` is when its condition
    was first seen gone, None while it holds. `inhibited_by` is the kind that silences it.
    """

    kind: str
    subject: str
    sentence: str
    told: int = 0
    last_told_at: datetime | None = None
    clear_since: datetime | None = None
    inhibited_by: str | None = None

    @property
    def key(self) -> Key:
        """What tells it from other alarms."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """What becomes of one alarm: its new state, and what is told of it (None: nothing).

    `is_over` says that it ends, `is_new` that there is no such alarm yet.
    """

    state: AlarmState
    telling: Telling | None = None
    is_over: bool = False
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be judged this time: alarms about it neither begin nor end.

    `subjects` names single ones, `kinds` those of every subject.
    """

    kinds: Collection[str] = ()
    keys: Collection[Key] = field(default=())

    def holds(self, key: Key) -> bool:
        """Whether nothing is known about this alarm."""
        return key[0] in self.kinds or key in self.keys


def remember_sightings(
    before: Mapping[Key, datetime], keys: Iterable[Key], now: datetime
) -> dict[Key, datetime]:
    """Return since when each condition that holds now has been seen to hold."""
    return {key: min(before.get(key, now), now) for key in keys}


def plan_alarms(
    conditions: Sequence[Condition],
    ongoing: Sequence[AlarmState],
    now: datetime,
    unknown: Unknown = Unknown(),
) -> list[AlarmChange]:
    """Return what changes at `now` (UTC), in the order of `ongoing` and then of `conditions`.

    Applied and asked again at the same moment, nothing changes any more.
    """
    holding = {one.key: one for one in conditions}
    known = {alarm.key for alarm in ongoing}
    causes = {*holding, *(alarm.key for alarm in ongoing if not _ends(alarm, unknown, now))}
    changes = [
        _follow(alarm, holding.get(alarm.key), causes, now)
        for alarm in ongoing
        if not unknown.holds(alarm.key)
    ]
    changes += [
        _begin(one, causes, now)
        for one in holding.values()
        if one.key not in known and now - one.since >= alarm_kind(one.kind).patience
    ]
    before = {alarm.key: alarm for alarm in ongoing}
    return [one for one in changes if one.is_over or one.state != before.get(one.state.key)]


def _ends(alarm: AlarmState, unknown: Unknown, now: datetime) -> bool:
    """Whether the condition, if it does not hold now, has been gone for long enough."""
    since = alarm.clear_since
    return since is not None and not unknown.holds(alarm.key) and now - since >= HOLDS_FOR


def _begin(condition: Condition, causes: Collection[Key], now: datetime) -> AlarmChange:
    state = AlarmState(
        kind=condition.kind,
        subject=condition.subject,
        sentence=condition.sentence,
        inhibited_by=_cause(condition.key, causes),
    )
    return replace(_tell(state, Telling.BEGAN, now), is_new=True)


def _follow(
    alarm: AlarmState, condition: Condition | None, causes: Collection[Key], now: datetime
) -> AlarmChange:
    state = replace(alarm, inhibited_by=_cause(alarm.key, causes))
    if condition is None:
        return _clear(state, now)
    state = replace(state, sentence=condition.sentence, clear_since=None)
    if state.told == 0:
        return _tell(state, Telling.BEGAN, now)
    last = state.last_told_at
    is_due = last is None or now - last >= alarm_kind(state.kind).repeat_after
    return _tell(state, Telling.REPEATED, now) if is_due else AlarmChange(state)


def _clear(state: AlarmState, now: datetime) -> AlarmChange:
    """The condition is gone; an end is told to those who were told of the beginning."""
    since = state.clear_since
    if since is None or since > now:
        return AlarmChange(replace(state, clear_since=now))
    if now - since < HOLDS_FOR:
        return AlarmChange(state)
    return AlarmChange(
        replace(state, inhibited_by=None), Telling.ENDED if state.told else None, is_over=True
    )


def _tell(state: AlarmState, telling: Telling, now: datetime) -> AlarmChange:
    if state.inhibited_by is not None:
        return AlarmChange(state)
    return AlarmChange(replace(state, told=state.told + 1, last_told_at=now), telling)


def _cause(key: Key, causes: Collection[Key]) -> str | None:
    kind, subject = key
    return next(_causes(kind, subject, causes), None)


def _causes(kind: str, subject: str, causes: Collection[Key]) -> Iterator[str]:
    for cause in silencers_of(kind):
        if (cause, "") in causes or (subject and (cause, subject) in causes):
            yield cause
