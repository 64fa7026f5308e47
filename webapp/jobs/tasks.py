"""The functions that the worker runs, by name; the work itself is done in services."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from webapp.clock import utcnow
from webapp.services.operations.check_health import first_line
from webapp.services.operations.housekeeping import delete_old_records, refresh_statistics
from webapp.services.polling.due_connections import find_due_connections
from webapp.services.polling.poll_connection import poll_connection
from webapp.task_queue import enqueue_poll

logger = logging.getLogger(__name__)


def tick() -> None:
    """Enqueue a poll for each due connection; if the database fails, the next tick tries again."""
    try:
        due = find_due_connections(utcnow())
    except (OperationalError, InterfaceError) as error:
        logger.error("The database cannot be used, trying again: %s", first_line(error))
        return
    for connection_id in due:
        if enqueue_poll(connection_id, trigger="schedule"):
            logger.info("Connection %s is due", connection_id)


def poll(
    connection_id: int, trigger: str, actor_id: int | None = None, sweep: bool = False
) -> None:
    """Run one poll cycle; its outcome is stored in poll_runs."""
    poll_connection(connection_id, trigger=trigger, actor_id=actor_id, sweep=sweep)


def housekeeping() -> None:
    """Delete records that are no longer needed, and refresh the database's statistics."""
    for table, count in delete_old_records(utcnow()).items():
        if count:
            logger.info("Deleted %s old rows of %s", count, table)
    refresh_statistics()


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "tick": tick,
    "poll": poll,
    "housekeeping": housekeeping,
}
