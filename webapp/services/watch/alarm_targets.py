"""Where alarms go, kept in memory for the time without a database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.models import Target
from webapp.outbound.errors import DeliveryError
from webapp.outbound.settings import Destination
from webapp.services.notices.targets.destinations import read_destination
from webapp.services.notices.write_message import alarm_recipients


@dataclass(frozen=True, slots=True)
class AlarmTarget:
    """A target of alarms with its settings in plain text; its repr holds no secret."""

    id: int
    name: str
    destination: Destination


def read_alarm_targets(session: Session, config: Config, now: datetime) -> list[AlarmTarget]:
    """Return where a grave alarm would go at `now` (UTC); unreadable targets are left out."""
    recipients = alarm_recipients(session, now, is_grave=True)
    names = {one.target_id: one.name for one in recipients}
    found = []
    for target in session.scalars(select(Target).where(Target.id.in_(names)).order_by(Target.id)):
        try:
            destination = read_destination(session, target, config)
        except DeliveryError:
            continue
        found.append(AlarmTarget(target.id, names[target.id], destination))
    return found
