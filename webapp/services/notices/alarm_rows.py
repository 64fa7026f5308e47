"""Writing the messages of an alarm into the outbox."""

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.watch.alarm_kinds import alarm_kind
from webapp.domain.watch.alarm_message import AlarmFacts, compose_alarm
from webapp.domain.watch.plan_alarms import Telling
from webapp.extensions import current_config
from webapp.models import Alarm
from webapp.services.notices.write_message import alarm_recipients, write_message

HEALTH_PATH = "/health"


def write_alarm_rows(session: Session, alarm: Alarm, telling: Telling, now: datetime) -> None:
    """Write a row for each target that `telling` of the alarm goes to, due at once.

    Its key holds how often the alarm was told, so that a beginning, each repetition and the end are
    rows of their own.
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
    recipients = alarm_recipients(
        session, now, is_grave=alarm_kind(alarm.kind).is_grave, besides=_target_of(alarm)
    )
    message = compose_alarm(key, telling, facts, url=url, happened_at=now)
    write_message(session, recipients, message, now)


def _target_of(alarm: Alarm) -> int | None:
    """The target that an alarm is about: it cannot tell of itself."""
    what, _, number = alarm.subject.partition(":")
    return int(number) if what == "target" and number.isdigit() else None
