"""The periodic jobs as data, and what has to change in a stored schedule to match them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256

from webapp.domain.routing import TICK_SECONDS
from webapp.task_queue import JOBS


@dataclass(frozen=True)
class PeriodicJob:
    """A job without arguments, due every `every_seconds` and first after `first_after` seconds."""

    name: str
    every_seconds: int
    first_after: int = 0

    @property
    def job_id(self) -> str:
        """An id made from the definition, so that a changed definition is another job."""
        definition = json.dumps(asdict(self) | asdict(JOBS[self.name]), sort_keys=True)
        return f"{self.name}-{sha256(definition.encode()).hexdigest()[:12]}"

    @property
    def longest_wait(self) -> int:
        """No due time lies more seconds ahead than this."""
        return max(self.every_seconds, self.first_after)

    def next_due(self, due: float, now: float) -> int:
        """The time when the job is due after `due` (both UNIX seconds); missed runs are skipped."""
        following = int(due) + self.every_seconds
        return following if following > now else int(now) + self.every_seconds


TRAIL_SECONDS = 30
"""New events of the audit log are chained within a minute, also where a round comes late."""

PERIODIC_JOBS = (
    PeriodicJob("tick", every_seconds=TICK_SECONDS),
    PeriodicJob("notices", every_seconds=TICK_SECONDS),
    PeriodicJob("account_mails", every_seconds=30, first_after=15),
    PeriodicJob("housekeeping", every_seconds=3600, first_after=60),
    PeriodicJob("audit_trail", every_seconds=TRAIL_SECONDS),
    PeriodicJob("drills", every_seconds=TICK_SECONDS),
    PeriodicJob("proofs", every_seconds=600, first_after=300),
    PeriodicJob("backups", every_seconds=60, first_after=30),
)


@dataclass(frozen=True)
class ScheduleChanges:
    """The jobs that a stored schedule lacks, and the ids in it that are not ours (any more)."""

    missing: tuple[PeriodicJob, ...]
    foreign: tuple[str, ...]


def plan_schedule(definitions: Iterable[PeriodicJob], stored_ids: Iterable[str]) -> ScheduleChanges:
    """Compare a stored schedule with the definitions; returns what to add and what to cancel."""
    wanted = {definition.job_id: definition for definition in definitions}
    stored = set(stored_ids)
    return ScheduleChanges(
        missing=tuple(job for job_id, job in wanted.items() if job_id not in stored),
        foreign=tuple(sorted(stored - wanted.keys())),
    )
