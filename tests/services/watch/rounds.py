"""Rounds of the watcher in tests, and what became of them."""

from dataclasses import dataclass, field

from sqlalchemy import update

from tests.support.rows import all_rows
from webapp import clock
from webapp.extensions import current_config
from webapp.models import Alarm, OutboxRow
from webapp.services.transactions import reading, transaction
from webapp.services.watch.list_alarms import AlarmView, ongoing_alarms
from webapp.services.watch.raise_alarms import Sightings
from webapp.services.watch.watch_round import Round, watch_round
from webapp.task_queue import QueueStatus

WELL = QueueStatus(is_redis_up=True, has_worker=True, has_scheduler=True)
NO_REDIS = QueueStatus(is_redis_up=False, redis_error="Connection refused.")
NO_WORKER = QueueStatus(is_redis_up=True, has_scheduler=True)
NO_SCHEDULER = QueueStatus(is_redis_up=True, has_worker=True)


@dataclass
class Rounds:
    """A watcher without its loop: it remembers from round to round what it has seen."""

    sightings: Sightings = field(default_factory=dict)

    def run(self, queue: QueueStatus = WELL) -> Round:
        """Do one round now; what it tells is delivered."""
        done = watch_round(current_config(), queue, self.sightings, clock.utcnow())
        self.sightings = done.sightings
        with transaction() as session:
            session.execute(
                update(OutboxRow).where(OutboxRow.event.startswith("alarm.")).values(state="sent")
            )
        return done


def told() -> list[str]:
    """The events of alarms in the outbox, in their order: `began worker-gone`."""
    rows = all_rows(OutboxRow, OutboxRow.event.startswith("alarm."))
    return [f"{row.event.removeprefix('alarm.')} {row.facts['data']['kind']}" for row in rows]


def ongoing() -> list[AlarmView]:
    """What pages show."""
    with reading() as session:
        return ongoing_alarms(session)


def alarms() -> list[Alarm]:
    """Every alarm there ever was."""
    return all_rows(Alarm)
