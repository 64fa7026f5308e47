"""The alarms that go on, as dashboard, Health, `doctor` and metrics show them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.watch.alarm_kinds import alarm_kind
from webapp.models import Alarm
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm that goes on: what is wrong in a sentence, since when (UTC), and what to do."""

    kind: str
    subject: str
    title: str
    sentence: str
    what_to_do: str
    since: datetime
    is_grave: bool


def ongoing_alarms(session: Session) -> list[AlarmView]:
    """Return the alarms that go on, the grave ones first, then the oldest.

    Those that follow from another one are left out, and those whose condition is gone already.
    """
    alarms = session.scalars(
        select(Alarm)
        .where(Alarm.ended_at.is_(None), Alarm.clear_since.is_(None), Alarm.inhibited_by.is_(None))
        .order_by(Alarm.began_at, Alarm.id)
    )
    views = [_view(alarm) for alarm in alarms]
    return sorted(views, key=lambda view: not view.is_grave)


def read_alarms() -> list[AlarmView]:
    """Read the alarms that go on."""
    with reading() as session:
        return ongoing_alarms(session)


def _view(alarm: Alarm) -> AlarmView:
    kind = alarm_kind(alarm.kind)
    return AlarmView(
        kind=alarm.kind,
        subject=alarm.subject,
        title=kind.title,
        sentence=alarm.sentence,
        what_to_do=kind.what_to_do,
        since=alarm.began_at,
        is_grave=kind.is_grave,
    )
