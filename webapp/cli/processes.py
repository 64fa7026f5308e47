"""`triagedesk web`, `worker` and `scheduler`: single parts, for installations on several machines.

On one machine, `triagedesk up` runs all of them.
"""

import gc
import os
import signal
from types import FrameType
from typing import Any

import click

from webapp.cli.support import load_checked_config, load_queue_url, opened_base_app
from webapp.config import Config
from webapp.runtime.logging_setup import setup_logging
from webapp.runtime.network import require_port, require_safe_host, take_over_socket


@click.command("web")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--fd", type=int, hidden=True, help="A listening socket, handed over.")
@click.option(
    "--systemd-socket", is_flag=True, help="Listen on the socket that systemd hands over."
)
@click.option("--workers", default=2, show_default=True, help="Processes.")
@click.option("--threads", default=4, show_default=True, help="Threads of each process.")
def web_command(
    host: str, port: int, fd: int | None, systemd_socket: bool, workers: int, threads: int
) -> None:
    """Serve the pages (gunicorn)."""
    setup_logging()
    config = load_checked_config()
    if systemd_socket:
        fd = take_over_socket(os.environ, config).detach()
    if fd is None:
        require_safe_host(host, config.public_url)
    from webapp.runtime.web_server import WebServer

    require_port(port)
    bind = (
        f"fd://{fd}" if fd is not None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    )
    WebServer(config, bind=bind, workers=workers, threads=threads).run()


@click.command("worker")
@click.option(
    "--max-polls", default=8, show_default=True, help="Connections polled at the same time."
)
def worker_command(max_polls: int) -> None:
    """Run the jobs: polls, messages, drills, proofs, backups, housekeeping."""
    setup_logging()
    from webapp.extensions import db
    from webapp.jobs.tasks import FUNCTIONS, look_after_losses
    from webapp.jobs.worker import TriageWorker
    from webapp.jobs.worker_pool import WorkerPool
    from webapp.services.operations.check_encryption import warn_of_unreadable_secrets
    from webapp.task_queue import connect

    with opened_base_app() as app:
        warn_of_unreadable_secrets()
        db.engine.dispose()
        config: Config = app.extensions["triagedesk_config"]

    def run_worker(queue: str, max_idle_seconds: int | None) -> None:
        redis = connect(config.redis_url)
        worker = TriageWorker(app, (queue,), redis, FUNCTIONS, look_after_losses)
        worker.look_after_losses()
        worker.work(max_idle_time=max_idle_seconds, logging_level=None)

    gc.collect()
    gc.freeze()
    WorkerPool(connect(config.redis_url), run_worker, max_poll_workers=max_polls).run()
    with app.app_context():
        look_after_losses()


@click.command("scheduler")
def scheduler_command() -> None:
    """Run the clock that wakes the worker.

    It needs the queue alone: no database, and none of the keys.
    """
    setup_logging()
    redis_url = load_queue_url()
    from webapp.jobs.scheduler import TriageScheduler
    from webapp.task_queue import connect

    scheduler = TriageScheduler(connect(redis_url))

    def stop(_signum: int, _frame: FrameType | None) -> Any:
        scheduler.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    scheduler.run()


commands = [web_command, worker_command, scheduler_command]
