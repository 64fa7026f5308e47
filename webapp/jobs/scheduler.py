"""rq-scheduler, made robust. It enqueues periodic jobs, such as `tick`, which enqueues due polls.

rq-scheduler 0.14 lacks the following, which this module adds. It survives an unreachable Redis and
damaged jobs. It restores its schedule after FLUSHALL. It sets the next due time before it enqueues,
so that a crash in between loses one run but not the schedule. It does not enqueue a job that still
waits or runs. Any number of schedulers may run, because each claims a due time by compare-and-set.
"""

import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq_scheduler import Scheduler

from webapp import clock
from webapp.jobs.schedule import PERIODIC_JOBS, PeriodicJob, plan_schedule
from webapp.outage import REDIS
from webapp.runtime import pulse
from webapp.task_queue import (
    JOBS,
    KEEP_FAILED_SECONDS,
    JsonJob,
    end_heartbeat,
    fetch_job,
    is_pending,
    make_queue,
    send_heartbeat,
)

LOOP_SECONDS = 1.0
RECONCILE_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 5.0

# A job gets its next due time only if it still has the due time that was read.
_CLAIM = """
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) == tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  return 1
end
return 0
"""

logger = logging.getLogger(__name__)


class TriageScheduler(Scheduler):  # type: ignore[misc]  # it comes without types
    """Enqueues `definitions` when they are due; run() returns after stop() was called."""

    job_class = JsonJob

    def __init__(
        self, connection: Redis, definitions: Iterable[PeriodicJob] = PERIODIC_JOBS
    ) -> None:
        super().__init__(connection=connection, interval=1, job_class=JsonJob)
        self.definitions = {definition.job_id: definition for definition in definitions}
        self._stopping = threading.Event()
        self._reconcile_at = 0.0
        self._failures = 0

    def stop(self) -> None:
        """Let run() return; safe in a signal handler."""
        self._stopping.set()

    def run(self, burst: bool = False) -> None:
        """Reconcile and enqueue until stopped (`burst`: once); Redis errors only delay this."""
        while not self._stopping.is_set():
            pulse.beat()
            pause = self._step()
            if burst:
                return
            self._stopping.wait(pause)
        with suppress(RedisError, OSError):
            end_heartbeat(self.connection, "scheduler")

    def _step(self) -> float:
        try:
            if time.monotonic() >= self._reconcile_at:
                self.reconcile()
                self._reconcile_at = time.monotonic() + RECONCILE_SECONDS
            self.enqueue_jobs()
            send_heartbeat(
                self.connection,
                "scheduler",
                note=pulse.why_restarted(),
                is_supervised=pulse.is_supervised(),
            )
        except (RedisError, OSError) as error:
            return self._note_failure(error)
        REDIS.end()
        self._failures = 0
        return LOOP_SECONDS

    def _note_failure(self, error: Exception) -> float:
        """Tell the outage, once; returns how many seconds to pause."""
        self._failures += 1
        self._reconcile_at = 0.0
        REDIS.begin(str(error))
        return min(LOOP_SECONDS * self._failures, MAX_BACKOFF_SECONDS)

    def reconcile(self) -> None:
        """Make the stored schedule hold exactly `definitions`, each with a readable job.

        A due time so late that the clock must have been set back since then is brought forward.
        """
        if self.connection.type(self.scheduled_jobs_key) not in (b"zset", b"none"):
            self.connection.delete(self.scheduled_jobs_key)
        stored = [
            member.decode(errors="replace")
            for member in self.connection.zrange(self.scheduled_jobs_key, 0, -1)
        ]
        changes = plan_schedule(self.definitions.values(), stored)
        if changes.foreign:
            self._cancel_all_but(self.definitions)
        now = int(clock.utcnow().timestamp())
        for definition in changes.missing:
            due = now + definition.first_after
            self.connection.zadd(self.scheduled_jobs_key, {definition.job_id: due}, nx=True)
            logger.info("Scheduled %s every %s s", definition.name, definition.every_seconds)
        for definition in self.definitions.values():
            self.connection.zadd(  # LT: only where it is later than can be
                self.scheduled_jobs_key,
                {definition.job_id: now + definition.longest_wait},
                xx=True,
                lt=True,
            )
            self._ensure_job(definition)

    def _cancel_all_but(self, wanted: Iterable[str]) -> None:
        """Cancel all other jobs, by stored bytes: a damaged id cannot be decoded exactly."""
        ours = {job_id.encode() for job_id in wanted}
        for member in self.connection.zrange(self.scheduled_jobs_key, 0, -1):
            if member not in ours:
                self.connection.zrem(self.scheduled_jobs_key, member)
                logger.info("Cancelled %r, which is not one of our periodic jobs", member)

    def _ensure_job(self, definition: PeriodicJob) -> JsonJob:
        """The stored job of the definition; a missing or damaged job is written anew."""
        job = fetch_job(definition.job_id, self.connection)
        if job is None or job.func_name != definition.name:
            self.connection.delete(JsonJob.key_for(definition.job_id))
            kind = JOBS[definition.name]
            # With a finite result_ttl, a busy worker would delete the schedule's own job.
            job = self._create_job(
                definition.name,
                id=definition.job_id,
                result_ttl=-1,
                timeout=kind.timeout_seconds,
                queue_name=kind.queue,
                commit=False,
            )
            job.failure_ttl = KEEP_FAILED_SECONDS
            job.save()
        return job

    def enqueue_jobs(self) -> list[str]:
        """Enqueue each due job that neither waits nor runs.

        Returns the ids of the enqueued jobs.
        """
        now = clock.utcnow().timestamp()
        due = self.connection.zrangebyscore(self.scheduled_jobs_key, 0, now, withscores=True)
        found = [(self.definitions.get(member.decode(errors="replace")), at) for member, at in due]
        return [
            definition.job_id
            for definition, at in found
            if definition is not None and self._enqueue_if_mine(definition, at, now)
        ]

    def _enqueue_if_mine(self, definition: PeriodicJob, due: float, now: float) -> bool:
        job_id = definition.job_id
        following = definition.next_due(due, now)
        claimed = self.connection.eval(
            _CLAIM, 1, self.scheduled_jobs_key, job_id, repr(due), following
        )
        if not claimed:
            return False
        job = self._ensure_job(definition)
        if is_pending(job, clock.utcnow()):
            logger.debug("%s still waits or runs", job_id)
            return False
        self.enqueue_job(job)
        return True

    def enqueue_job(self, job: Any) -> None:
        """Push the job to its queue; its next run is in the schedule already."""
        queue = self.get_queue_for_job(job)
        self.connection.lrem(queue.key, 0, job.id)
        queue.enqueue_job(job)

    def get_queue_for_job(self, job: Any) -> Queue:
        """The queue for the job's kind; what the stored job says about its queue is ignored."""
        return make_queue(JOBS[job.func_name].queue, self.connection)
