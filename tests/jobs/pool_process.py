"""A worker pool with jobs that leave traces in a folder: `python -m tests.jobs.pool_process`."""

import os
import signal
import sys
import time
from pathlib import Path

from flask import Flask, current_app

from webapp.jobs import worker_pool
from webapp.jobs.worker import TriageWorker
from webapp.jobs.worker_pool import WorkerPool
from webapp.runtime.logging_setup import setup_logging
from webapp.task_queue import connect

FOLDER = Path(sys.argv[1])
URL = sys.argv[2]
fork = os.fork


def trace(name: str, text: str = "") -> None:
    (FOLDER / name).write_text(text or str(os.getpid()))


def tick() -> None:
    trace("tick", current_app.name)


def poll(connection_id: int, trigger: str, actor_id: int | None, sweep: bool) -> None:
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    trace(f"poll-{connection_id}-started")
    try:
        while not (FOLDER / f"finish-{connection_id}").exists():
            time.sleep(0.02)
    except SystemExit:
        trace(f"poll-{connection_id}-cleaned-up")
        raise
    trace(f"poll-{connection_id}-finished")


def forget(erasure: int) -> None:
    trace(f"erasure-{erasure}-started")
    while not (FOLDER / f"finish-erasure-{erasure}").exists():
        time.sleep(0.02)


def prove(connection_id: int, days: int) -> None:
    trace(f"proof-{connection_id}-started")
    while not (FOLDER / f"finish-proof-{connection_id}").exists():
        time.sleep(0.02)


def look_after_losses() -> None:
    trace(f"looked-after-losses-{os.getpid()}")


def stop_at_fork() -> int:
    """Fork; a worker is asked to stop before it knows its child, and the child before it is set up.

    The pool's own forks, and those for ticks, are left alone.
    """
    forks_poll = (FOLDER / f"worker-polls-{os.getpid()}").exists()
    pid = fork()
    if forks_poll and pid == 0:
        time.sleep(0.5)
    elif forks_poll:
        os.kill(os.getpid(), signal.SIGTERM)
    return pid


def main() -> None:
    setup_logging()
    worker_pool.HEARTBEAT_SECONDS = 0.2
    worker_pool.STOPPED_SECONDS = 1.0
    if "stop-at-fork" in sys.argv:
        os.fork = stop_at_fork
    app = Flask("app of the pool")

    def run_worker(queue: str, max_idle_seconds: int | None) -> None:
        (FOLDER / f"worker-{queue}-{os.getpid()}").touch()
        if "slow-start" in sys.argv:
            time.sleep(60)
        functions = {"tick": tick, "poll": poll, "prove": prove, "forget": forget}
        worker = TriageWorker(app, (queue,), connect(URL), functions, look_after_losses)
        worker.look_after_losses()
        worker.work(max_idle_time=max_idle_seconds)

    WorkerPool(connect(URL), run_worker, max_poll_workers=3).run()


if __name__ == "__main__":
    main()
