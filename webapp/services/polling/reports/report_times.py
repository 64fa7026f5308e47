"""What the times of reports say: what came before polling, what was missed, what came last."""

from collections.abc import Iterable
from datetime import datetime

from webapp.domain.incident import Incident
from webapp.domain.plan import usable_time
from webapp.services.polling.incident_batch import BatchContext
from webapp.services.schedule.lease import PolledConnection


def is_older_than_polling(connection: PolledConnection, incident: Incident) -> bool:
    """Whether the incident was sent before polling was started, or nobody knows when."""
    started, sent_at = connection.polling_started_at, incident.sent_at
    return started is None or sent_at is None or sent_at < started


def was_missed(connection: PolledConnection, incident: Incident) -> bool:
    """Whether the incident is closed, although it was sent after polling was started."""
    return incident.is_closed and not is_older_than_polling(connection, incident)


def note_last_incidents(
    context: BatchContext, incidents: Iterable[Incident], huntress_now: datetime
) -> None:
    """Note at each organization when its last incident was sent, as far as Huntress's time goes."""
    for incident in incidents:
        row = context.mapping(incident)
        moment = usable_time(incident.sent_at or incident.updated_at, huntress_now)
        if row is None or moment is None:
            continue
        if not row.last_incident_at or moment > row.last_incident_at:
            row.last_incident_at = moment
