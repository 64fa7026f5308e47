"""Writing the messages of an alarm into the outbox."""

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from webapp.domain.notices.stored import as_stored
from webapp.domain.watch.alarm_kinds import kind_of
from webapp.domain.watch.alarm_message import AlarmFacts, compose_alarm
from webapp.domain.watch.plan_alarms import Telling
from webapp.extensions import current_config
from webapp.models import Alarm, Target
from webapp.services.notices.recipients import Recipient, find_recipients
from webapp.services.notices.write_rows import NewRow, write_rows
from webapp.services.on_call.who_is_on_call import who_is_on_call

HEALTH_PATH = "/health"


def write_alarm_rows(session: Session, alarm: Alarm, telling: Telling, now: datetime) -> None:
    """Write a row for each target that `telling` of the alarm goes to, due at once.

    Its key holds how often the alarm was told, so that a beginning, each repetition and the end are
    rows of their own. Targets that are paused get none.
    """
    key = f"alarm:{alarm.id}:{telling.value.rpartition('.')[2]}:{alarm.told}"
    facts = AlarmFacts(
        kind=alarm.kind,
        subject=alarm.subject,
        sentence=alarm.sentence,
        began_at=alarm.began_at,
        ended_at=alarm.ended_at,
    )
    url = f"{current_config().own_url}{HEALTH_PATH}"
    message = compose_alarm(key, telling, facts, url=url, happened_at=now)
    is_grave = kind_of(alarm.kind).is_grave
    rows = [
        NewRow(
            key=key,
            recipient=recipient,
            event=telling.value,
            facts=as_stored(message),
            due_at=now,
            is_urgent=is_grave and telling is not Telling.ENDED,
        )
        for recipient in find_alarm_recipients(session, is_grave=is_grave, now=now)
        if recipient.target_id != _own_target(alarm)
    ]
    write_rows(session, rows, now)


def find_alarm_recipients(
    session: Session, *, is_grave: bool, now: datetime
) -> tuple[Recipient, ...]:
    """Return who hears of alarms at `now` (UTC): targets that tell them, and who is on call.

    Whoever is on call hears only of the grave ones. Paused targets are left out.
    """
    conditions: list[ColumnElement[bool]] = [
        Target.tells_alarms.is_(True) & Target.user_id.is_(None)
    ]
    person = who_is_on_call(session, now) if is_grave else None
    if person is not None:
        conditions.append(Target.user_id == person.id)
    return tuple(one for one in find_recipients(session, conditions) if not one.is_paused)


def _own_target(alarm: Alarm) -> int | None:
    """The target that an alarm is about: it cannot tell of itself."""
    what, _, number = alarm.subject.partition(":")
    return int(number) if what == "target" and number.isdigit() else None
