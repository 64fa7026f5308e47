"""`triagedesk watch`: the part that tells when another one is gone."""

import logging
import os
import signal
from types import FrameType
from typing import Any

import click

from webapp.cli.support import load_checked_config, require_database_elsewhere
from webapp.runtime.logging_setup import setup_logging

CONNECT_SECONDS = "5"
"""How long PostgreSQL is waited for, as its library reads it from the environment."""


@click.command("watch")
def watch_command() -> None:
    """Raise alarms, deliver them, and call the outside heartbeat.

    While all is well it calls the address of TRIAGEDESK_HEARTBEAT_URL once a minute: something that
    runs elsewhere notices when that stops. While no worker or no scheduler runs, or messages are
    stuck, it also sends all other messages.
    """
    setup_logging()
    os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
    config = load_checked_config(signs=False)
    require_database_elsewhere()
    from webapp.app_base import create_base_app
    from webapp.jobs.watcher import Watcher

    watcher = Watcher(create_base_app(config))

    def stop(_signum: int, _frame: FrameType | None) -> Any:
        watcher.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    has_ended_well = watcher.run()
    logging.shutdown()
    # The interpreter would wait for threads that wait for a dead receiver. Whatever was being sent
    # is sent again, with the same key.
    os._exit(0 if has_ended_well else 1)


commands = [watch_command]
