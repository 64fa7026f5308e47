"""The RQ worker, which runs registered jobs, each in a child process with the app's context."""

import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from webapp.log_context import log_fields
from webapp.outage import DATABASE, REDIS
from webapp.process_identity import is_stopped, own_identity
from webapp.runtime.parent_death import follow_parent
from webapp.services.transactions import DATABASE_AWAY, first_line
from webapp.stop_signals import stop_with
from webapp.task_queue import JsonJob, enqueue_tick, make_queue

# Measured: with these values, a job is given up 95 s after its worker and child were killed.
WORKER_TTL_SECONDS = 45
MAINTENANCE_SECONDS = 30
MONITORING_SECONDS = 15
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

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
        look_after_losses: Callable[[], None] | None = None,
    ) -> None:
        JsonJob.functions = functions
        super().__init__(
            [make_queue(name, connection) for name in queues],
            name=str(own_identity()),
            connection=connection,
            job_class=JsonJob,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_SECONDS,
            worker_ttl=WORKER_TTL_SECONDS,
            job_monitoring_interval=MONITORING_SECONDS,
            log_job_description=False,
        )
        self._app = app
        self._has_lost_child = False
        logging.getLogger("rq.worker").addFilter(_is_news)
        self._look_after_losses = look_after_losses

    def look_after_losses(self) -> None:
        """See to polls that ended with their process, and to what is due then.

        Each worker does it when it starts, since it may replace one that was killed.
        """
        if self._look_after_losses is not None:
            with self._app.app_context():
                self._look_after_losses()
        try:
            enqueue_tick(self.connection)
        except RedisError as error:
            REDIS.begin(str(error))

    def perform_job(self, job: Job, queue: Any, execution: Any) -> bool:
        """Run the job inside the app's context, in the child process."""
        with self._app.app_context(), log_fields(job=job.id):
            return super().perform_job(job, queue, execution)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log why a job failed; a request to stop, or an outage, is a line and no traceback."""
        error = exc_info[1]
        if isinstance(error, SystemExit):
            logger.info("The job %s was %s", job.id, error)
        elif not _tell_outage(error):
            super().handle_exception(job, *exc_info)

    def maintain_heartbeats(self, job: Job, execution: Any) -> None:
        """Send heartbeats to Redis; the job goes on if Redis cannot be used.

        A child that was stopped (SIGSTOP) runs no code and keeps nothing alive: it is killed.
        """
        if is_stopped(self.horse_pid):
            logger.error("The job %s hangs: its process was stopped. It is ended.", job.id)
            self.kill_horse(signal.SIGKILL)
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            REDIS.begin(str(error))

    def fork_work_horse(self, job: Job, queue: Any) -> None:
        """Fork the child; a request to stop that comes meanwhile reaches it all the same.

        SIGTERM waits until this process knows its child, and the child has its own handler.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            super().fork_work_horse(job, queue)
            if self._stop_requested:
                self.kill_horse(signal.SIGTERM)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def setup_work_horse_signals(self) -> None:
        """Let the child ignore Ctrl-C, and end it on SIGTERM and when its parent dies."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]  # RQ's
        signal.signal(signal.SIGTERM, _leave)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        follow_parent(self.pid or os.getppid())

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait for the child, and note whether it was killed: Redis may know no more of its job."""
        pid, status, usage = super().wait_for_horse()
        self._has_lost_child = status is not None and os.WIFSIGNALED(status)
        return pid, status, usage

    def monitor_work_horse(self, job: Job, queue: Any, execution: Any) -> None:
        """Wait for the child; if it was killed, look at once for the poll that ended with it."""
        super().monitor_work_horse(job, queue, execution)
        if self._has_lost_child:
            self.look_after_losses()

    def handle_warm_shutdown_request(self) -> None:
        """Ask the running job to end as well; it is run again or resumed after the next start."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ's
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)

    def set_shutdown_requested_date(self) -> None:
        """Note in Redis that this worker ends; without Redis it ends as it does with it."""
        with suppress(RedisError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]  # RQ's


def _tell_outage(error: BaseException | None) -> bool:
    """Tell an outage once if the error is one; returns whether it is."""
    if isinstance(error, DATABASE_AWAY):
        DATABASE.begin(first_line(error))
        return True
    if isinstance(error, RedisError):
        REDIS.begin(str(error))
        return True
    return False


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of RQ is more than one of the many about an outage."""
    if record.exc_info and _tell_outage(record.exc_info[1]):
        return False
    text = record.getMessage()
    if "could not connect to Redis" in text or "Redis connection timeout" in text:
        REDIS.begin(text.partition("Redis instance: ")[2] or text)
        return False
    return True


def _leave(_signum: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop_with(SystemExit("asked to stop"))
