"""What is not well at this moment, from all places that can tell."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.config import Config
from webapp.domain.polling_health import State
from webapp.domain.watch.alarm_kinds import CLOCK_SECONDS, LEAST_FREE_PERCENT, Trouble
from webapp.domain.watch.plan_alarms import Key
from webapp.extensions import current_config
from webapp.process_identity import machine_name
from webapp.services.calls.explain_error import is_about_credentials
from webapp.services.schedule.judge_polling import JudgedConnection, judge_polling
from webapp.services.watch.find_in_backups import find_in_backups
from webapp.services.watch.find_in_messages import find_in_messages
from webapp.services.watch.find_in_proofs import find_in_proofs
from webapp.services.watch.find_in_reports import find_in_reports
from webapp.services.watch.find_in_security import find_in_security
from webapp.services.watch.found import Found, subject_of
from webapp.services.watch.other_watchers import find_silent_watchers, machines_not_seen_from_here
from webapp.task_queue import QueueStatus

_PARTS = (Trouble.WORKER, Trouble.SCHEDULER)


@dataclass(frozen=True, slots=True)
class Judged:
    """What holds, what could not be judged, and the connections as they were judged."""

    found: Sequence[Found]
    connections: Sequence[JudgedConnection]
    unknown_kinds: frozenset[str] = frozenset()
    unknown_keys: frozenset[Key] = field(default=frozenset())


def find_conditions(session: Session, queue: QueueStatus, config: Config, now: datetime) -> Judged:
    """Return what is not well at `now` (UTC); `queue` and the disk with the data are as seen here.

    Each thing that holds is found once. What only other machines can see is unknown.
    """
    connections = judge_polling(session, now)
    found = [
        *find_in_parts(queue, connections),
        *find_in_connections(connections),
        *find_in_reports(session, connections, now),
        *find_in_messages(session, now),
        *find_in_proofs(session, connections, now),
        *find_in_security(session, current_config(), now),
        *find_in_backups(session, config, now),
        *find_silent_watchers(session, now),
        *find_full_disk(config.data_dir),
    ]
    return Judged(
        found=found,
        connections=connections,
        unknown_kinds=frozenset(() if queue.is_redis_up else _PARTS),
        unknown_keys=frozenset(
            (Trouble.DISK, machine) for machine in machines_not_seen_from_here(session, now)
        ),
    )


def find_in_parts(queue: QueueStatus, connections: Sequence[JudgedConnection]) -> Iterator[Found]:
    """Yield what is wrong with the parts, unless `poll --due` polls in their place."""
    if any(one.judgement.by_timer for one in connections):
        return
    if not queue.is_redis_up:
        why = f": {queue.redis_error}" if queue.redis_error else ""
        yield Found(Trouble.REDIS, "", f"The job queue (Redis) cannot be reached{why}.")
        return
    if not queue.has_worker:
        yield Found(Trouble.WORKER, "", "No worker has reported for a while.")
    if not queue.has_scheduler:
        yield Found(Trouble.SCHEDULER, "", "No scheduler has reported for a while.")


def find_in_connections(connections: Iterable[JudgedConnection]) -> Iterator[Found]:
    """Yield connections that are overdue, refused or in error, and clocks that differ too much."""
    for one in connections:
        kind = _kind(one)
        if kind is not None:
            yield Found(kind, subject_of(one.id), f"{one.name}: {one.judgement.sentence()}")
        seconds = round(one.skew.total_seconds())
        if abs(seconds) > CLOCK_SECONDS and one.judgement.is_scheduled:
            words = f"{abs(seconds):,} s {'ahead of' if seconds > 0 else 'behind'}"
            yield Found(
                Trouble.CLOCK,
                subject_of(one.id),
                f"{one.name}: the time here is {words} Huntress's.",
            )


def find_full_disk(folder: Path) -> Iterator[Found]:
    """Yield this machine's disk if it is almost full; nothing where no data is kept here."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return
    if is_almost_full(usage.free, usage.total):
        percent = 100 * usage.free / usage.total
        machine = machine_name()
        yield Found(Trouble.DISK, machine, f"{percent:.1f} % of the disk of {machine} is free.")


def is_almost_full(free: int, total: int) -> bool:
    """Whether less than a tenth of a disk is free."""
    return total > 0 and 100 * free < LEAST_FREE_PERCENT * total


def _kind(one: JudgedConnection) -> Trouble | None:
    state, error = one.judgement.state, one.judgement.error
    if state is State.OVERDUE:
        return Trouble.OVERDUE
    if state is not State.ERROR or not one.is_started:
        return None
    return Trouble.REFUSED if is_about_credentials(error) else Trouble.ERROR
