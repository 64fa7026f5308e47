"""Worker processes, forked from a process that has loaded the app, so that they share memory.

One worker is kept for short jobs (ticks), one for polls and one for messages: due steps and
deliveries. When polls or messages wait, more workers are forked, up to a limit; they end when they
are idle. A connection that takes hours, or a receiver that does not answer, therefore does not
delay another. Backups, proofs and upkeep have workers of their own, forked when they wait: they
delay neither polls nor messages.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError

from webapp.outage import REDIS
from webapp.process_identity import is_stopped
from webapp.runtime import pulse
from webapp.runtime.parent_death import follow_parent
from webapp.task_queue import (
    DEFAULT_QUEUE,
    LONG_QUEUE,
    NOTICE_QUEUE,
    POLL_QUEUE,
    end_heartbeat,
    make_queue,
    send_heartbeat,
)

EXTRA_IDLE_SECONDS = 60
MOST_DELIVERING = 6
MOST_LONG = 2
LOOP_SECONDS = 0.5
HEARTBEAT_SECONDS = 3.0
SETTLE_SECONDS = 2.0
STOPPED_SECONDS = 10.0
STOP_SECONDS = 4.0
COLD_STOP_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 10.0

WorkForever = None
RunWorker = Callable[[str, int | None], None]
"""A function that works on one queue until asked to stop, or until idle for the given seconds."""

logger = logging.getLogger(__name__)


@dataclass
class _Slot:
    """The place of a worker that is always kept running."""

    queue: str
    pid: int | None = None
    started_at: float = 0.0
    failures: int = 0

    @property
    def backoff(self) -> float:
        return min(0.5 * 2.0**self.failures, MAX_BACKOFF_SECONDS)


@dataclass
class WorkerPool:
    """Forks and restarts workers; `run_worker` is called in the children."""

    connection: Redis
    run_worker: RunWorker
    max_poll_workers: int = 8
    _slots: list[_Slot] = field(
        default_factory=lambda: [_Slot(DEFAULT_QUEUE), _Slot(POLL_QUEUE), _Slot(NOTICE_QUEUE)],
        init=False,
    )
    _extra: dict[int, str] = field(default_factory=dict, init=False)
    _is_stopping: bool = field(default=False, init=False)
    _stopped_since: dict[int, float] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Keep the workers running until SIGTERM or SIGINT, then end them within seconds."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._request_stop)
        heartbeat_at = 0.0
        while not self._is_stopping:
            self._reap()
            self._kill_stopped()
            self._start_missing()
            pulse.beat()
            if time.monotonic() >= heartbeat_at:
                self._talk_to_redis()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
            time.sleep(LOOP_SECONDS)
        self._stop_all()
        with suppress(RedisError, OSError):
            end_heartbeat(self.connection, "worker")

    def _request_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _talk_to_redis(self) -> None:
        """Send the heartbeat, and fork another worker where jobs wait."""
        try:
            if all(slot.pid for slot in self._slots):
                send_heartbeat(
                    self.connection,
                    "worker",
                    note=pulse.why_restarted(),
                    is_supervised=pulse.is_supervised(),
                )
            waiting = {
                queue: make_queue(queue, self.connection).count
                for queue in (POLL_QUEUE, NOTICE_QUEUE, LONG_QUEUE)
            }
        except (RedisError, OSError) as error:
            REDIS.begin(str(error))
            return
        REDIS.end()
        for queue, count in waiting.items():
            if count:
                self._help_with(queue)

    def _help_with(self, queue: str) -> None:
        """Fork another worker for a queue in which jobs wait, up to the limit."""
        limits = {POLL_QUEUE: self.max_poll_workers, NOTICE_QUEUE: MOST_DELIVERING}
        slots = [one for one in self._slots if one.queue == queue]
        # A worker that was just forked may not have looked into the queue yet.
        is_settled = all(time.monotonic() - one.started_at > SETTLE_SECONDS for one in slots)
        workers = list(self._extra.values()).count(queue) + len(slots)
        if is_settled and workers < limits.get(queue, MOST_LONG):
            self._extra[self._fork(queue, EXTRA_IDLE_SECONDS)] = queue

    def _start_missing(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.pid is None and now >= slot.started_at + (
                slot.backoff if slot.started_at else 0
            ):
                slot.pid, slot.started_at = self._fork(slot.queue, WorkForever), now

    def _fork(self, queue: str, max_idle_seconds: int | None) -> int:
        parent_pid = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            # The pool's own handlers only set a flag: the worker would outlive the pool.
            for signum in (signal.SIGTERM, signal.SIGINT):
                signal.signal(signum, signal.SIG_DFL)
            follow_parent(parent_pid)
            self.run_worker(queue, max_idle_seconds)
            code = 0
        except SystemExit:
            code = 0
        except RedisError as error:
            REDIS.begin(str(error))
        except OSError as error:
            logger.warning("The worker of %s ended: %s", queue, error)
        except Exception:  # a child must not return into its parent's loop
            logger.exception("The worker of %s ended", queue)
        finally:
            os._exit(code)

    def _kill_stopped(self) -> None:
        """Kill workers that were stopped (SIGSTOP) for a while: they run no code and no jobs."""
        now = time.monotonic()
        stopped = {pid for pid in self._pids() if is_stopped(pid)}
        self._stopped_since = {pid: self._stopped_since.get(pid, now) for pid in stopped}
        for pid, since in self._stopped_since.items():
            if now - since >= STOPPED_SECONDS:
                logger.error("A worker hangs: its process was stopped. It is started again.")
                _signal_all({pid}, signal.SIGKILL)

    def _reap(self) -> None:
        """Note which workers have ended; one that was killed gets a successor.

        The successor looks after the poll that may have ended with it.
        """
        for pid, status in self._ended():
            queue = self._extra.pop(pid, None)
            if queue is not None and os.WIFSIGNALED(status) and not self._is_stopping:
                self._extra[self._fork(queue, EXTRA_IDLE_SECONDS)] = queue
            for slot in self._slots:
                if slot.pid == pid:
                    slot.pid = None
                    lived = time.monotonic() - slot.started_at
                    slot.failures = 0 if lived > MAX_BACKOFF_SECONDS else slot.failures + 1

    def _ended(self) -> list[tuple[int, int]]:
        """The children that have ended, with their wait status."""
        ended = []
        while self._pids():
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return [(pid, 0) for pid in self._pids()]
            if not pid:
                break
            ended.append((pid, status))
        return ended

    def _pids(self) -> set[int]:
        return set(self._extra) | {slot.pid for slot in self._slots if slot.pid is not None}

    def _stop_all(self) -> None:
        """Send SIGTERM, which ends jobs too, and in the end kill every worker that is left.

        Told a second time, a worker kills the job that it runs, which would outlive it otherwise.
        """
        for signum, seconds in (
            (signal.SIGTERM, STOP_SECONDS),
            (signal.SIGTERM, COLD_STOP_SECONDS),
            (signal.SIGKILL, 0),
        ):
            _signal_all(self._pids(), signum)
            give_up_at = time.monotonic() + seconds
            while self._pids() and time.monotonic() < give_up_at:
                self._reap()
                time.sleep(0.05)


def _signal_all(pids: set[int], signum: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            logger.debug("process %s has ended", pid)
