"""Making alarms of what was found: each begins, is told again and ends once, whoever watches."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.watch.plan_alarms import (
    AlarmChange,
    AlarmState,
    Condition,
    Key,
    Unknown,
    plan_alarms,
    remember_sightings,
)
from webapp.models import Alarm
from webapp.services.notices.alarm_rows import write_alarm_rows
from webapp.services.transactions import reading, transaction
from webapp.services.watch.find_conditions import Judged
from webapp.services.watch.found import Found

Sightings = Mapping[Key, datetime]
"""Since when each condition has been seen to hold by this watcher."""


def raise_alarms(judged: Judged, sightings: Sightings, now: datetime) -> Sightings:
    """Begin, tell and end alarms as of `now` (UTC), and return the sightings for the next time.

    What is told is written into the outbox in the same transaction. If several watchers do this at
    once, one of them tells.
    """
    seen = remember_sightings(sightings, [(one.kind, one.subject) for one in judged.found], now)
    conditions = [_condition(one, seen) for one in judged.found]
    unknown = Unknown(judged.unknown_kinds, judged.unknown_keys)
    with reading() as session:
        states = [_state(alarm) for alarm in session.scalars(_ongoing())]
    if plan_alarms(conditions, states, now, unknown):
        _apply_changes(conditions, unknown, now)
    return seen


def _apply_changes(conditions: Sequence[Condition], unknown: Unknown, now: datetime) -> None:
    try:
        with transaction() as session:
            alarms = {
                (alarm.kind, alarm.subject): alarm
                for alarm in session.scalars(_ongoing().with_for_update())
            }
            states = [_state(alarm) for alarm in alarms.values()]
            since = {one.key: one.since for one in conditions}
            for change in plan_alarms(conditions, states, now, unknown):
                alarm = alarms.get(change.state.key)
                if alarm is None:
                    alarm = _begin(session, change.state, since[change.state.key])
                _write(session, alarm, change, now)
    except IntegrityError:
        return  # another watcher has begun the same alarm; the next round goes by that


def _begin(session: Session, state: AlarmState, since: datetime) -> Alarm:
    alarm = Alarm(kind=state.kind, subject=state.subject, sentence=state.sentence, began_at=since)
    session.add(alarm)
    return alarm


def _write(session: Session, alarm: Alarm, change: AlarmChange, now: datetime) -> None:
    state = change.state
    alarm.sentence = state.sentence
    alarm.told = state.told
    alarm.last_told_at = state.last_told_at
    alarm.clear_since = state.clear_since
    alarm.inhibited_by = state.inhibited_by
    if change.is_over:
        alarm.ended_at = state.clear_since or now
    session.flush()
    if change.telling is not None:
        write_alarm_rows(session, alarm, change.telling, now)


def _ongoing() -> Select[Alarm]:
    return select(Alarm).where(Alarm.ended_at.is_(None)).order_by(Alarm.id)


def _condition(found: Found, seen: Sightings) -> Condition:
    key = (found.kind, found.subject)
    return Condition(found.kind, found.subject, found.sentence, seen[key])


def _state(alarm: Alarm) -> AlarmState:
    return AlarmState(
        kind=alarm.kind,
        subject=alarm.subject,
        sentence=alarm.sentence,
        told=alarm.told or 0,
        last_told_at=alarm.last_told_at,
        clear_since=alarm.clear_since,
        inhibited_by=alarm.inhibited_by,
    )
