"""One round of the watcher: judge everything, raise alarms, and see who has to deliver."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from webapp import clock
from webapp.config import Config
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.domain.watch.heartbeat import NamedFacts, why_not
from webapp.services.transactions import reading
from webapp.services.watch.alarm_targets import AlarmTarget, read_alarm_targets
from webapp.services.watch.clock_set_back import mend_times
from webapp.services.watch.find_conditions import Judged, find_conditions
from webapp.services.watch.other_watchers import record_round
from webapp.services.watch.raise_alarms import Sightings, raise_alarms
from webapp.task_queue import QueueStatus


@dataclass(frozen=True, slots=True)
class Round:
    """What a round found.

    `must_deliver` says that nobody else delivers messages now, so that the watcher has to deliver
    all of them and not just its alarms. `problems` are why the outside heartbeat must not beat.
    `targets` are where alarms go. `sightings` are for the next round.
    """

    must_deliver: bool
    problems: Sequence[str]
    targets: Sequence[AlarmTarget] = ()
    sightings: Sightings = field(default_factory=dict)


def watch_round(
    config: Config,
    queue: QueueStatus,
    sightings: Sightings,
    now: datetime,
    last_round_at: datetime | None = None,
) -> Round:
    """Do one round at `now` (UTC); `queue` is the state of the job queue.

    `sightings` and `last_round_at` come from this process's last round, None at its first.
    Alarms are written into the outbox and not sent. Raises a database's error if it is away.
    """
    mend_times(now, last_round_at)
    with reading() as session:
        judged = find_conditions(session, queue, config, now)
        targets = read_alarm_targets(session, config, now)
    seen = raise_alarms(judged, sightings, now)
    record_round(now, clock.utcnow())
    return Round(
        must_deliver=_must_deliver(judged, queue),
        problems=_problems(judged, now),
        targets=targets,
        sightings=seen,
    )


def _must_deliver(judged: Judged, queue: QueueStatus) -> bool:
    is_stuck = any(one.kind is Trouble.OUTBOX for one in judged.found)
    return is_stuck or not (queue.can_run_jobs and queue.has_scheduler)


def _problems(judged: Judged, now: datetime) -> list[str]:
    """Why the heartbeat must not beat: messages that do not move, connections that are silent."""
    stuck = [one.sentence for one in judged.found if one.kind is Trouble.OUTBOX]
    connections = [NamedFacts(one.name, one.facts) for one in judged.connections]
    return why_not(connections, now, problems=stuck)
