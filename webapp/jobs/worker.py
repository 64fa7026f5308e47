"""The RQ worker: runs registered jobs, each in a child process with the app's context."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from webapp.runtime.parent_death import follow_parent
from webapp.task_queue import JsonJob, make_queue

# Measured: with these a job whose worker and child were both killed is given up after 95 s.
WORKER_TTL_SECONDS = 45
MAINTENANCE_SECONDS = 30
MONITORING_SECONDS = 15

logger = logging.getLogger(__name__)


class TriageWorker(Worker):
    """An RQ worker on the named queues that runs `functions` and nothing else.

    It outlives a Redis that goes away while a job runs, and passes a request to stop on to the
    job, which ends as if by sys.exit(): with its cleaning up done.
    """

    log_result_lifespan = False
    max_connection_wait_time = 5.0  # RQ's minute would pass before a Redis that is back is noticed

    def __init__(
        self,
        app: Flask,
        queues: tuple[str, ...],
        connection: Redis,
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        JsonJob.functions = functions
        super().__init__(
            [make_queue(name, connection) for name in queues],
            connection=connection,
            job_class=JsonJob,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_SECONDS,
            worker_ttl=WORKER_TTL_SECONDS,
            job_monitoring_interval=MONITORING_SECONDS,
            log_job_description=False,
        )
        self._app = app

    def perform_job(self, job: Job, queue: Any, execution: Any) -> bool:
        """Run the job inside the app's context (in the child process)."""
        with self._app.app_context():
            return super().perform_job(job, queue, execution)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """Keep Redis informed; the job goes on without it."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            logger.warning("Redis cannot be used while a job runs: %s", error)

    def setup_work_horse_signals(self) -> None:
        """In the child: Ctrl-C is the parent's, SIGTERM ends the job, a dead parent too."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]  # RQ's
        signal.signal(signal.SIGTERM, _leave)
        follow_parent(self.pid or os.getppid())

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to end as well: it is done again, or resumed, after the start."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("asked to stop")
