"""The RQ worker, which runs registered jobs, each in a child process with the app's context."""

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

# Measured: with these values, a job is given up 95 s after its worker and child were killed.
WORKER_TTL_SECONDS = 45
MAINTENANCE_SECONDS = 30
MONITORING_SECONDS = 15

logger = logging.getLogger(__name__)


class TriageWorker(Worker):
    """An RQ worker on the named queues that runs only `functions`.

    It survives if Redis goes away while a job runs. It passes a request to stop on to the job,
    which ends as if by sys.exit(), so its clean-up runs.
    """

    log_result_lifespan = False
    max_connection_wait_time = 5.0  # with RQ's minute, a worker would notice a returned Redis late

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
        """Run the job inside the app's context, in the child process."""
        with self._app.app_context():
            return super().perform_job(job, queue, execution)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """Send heartbeats to Redis; the job goes on if Redis cannot be used."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            logger.warning("Redis cannot be used while a job runs: %s", error)

    def setup_work_horse_signals(self) -> None:
        """Let the child ignore Ctrl-C, and end it on SIGTERM and when its parent dies."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]  # RQ's
        signal.signal(signal.SIGTERM, _leave)
        follow_parent(self.pid or os.getppid())

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to end as well; it is run again or resumed after the next start."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("asked to stop")
