"""Starting, pausing, resuming and asking for polls."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp import clock, task_queue
from webapp.models import Connection
from webapp.services.audit import record_event
from webapp.services.calls.open_client import require_enterprise
from webapp.services.connections.routing_state import missing_labels
from webapp.services.errors import ServiceError
from webapp.services.lookups import get_connection
from webapp.services.polling.lease import has_live_lease
from webapp.services.transactions import transaction


class PollRefusedError(ServiceError):
    """A poll cannot be asked for as things are; the sentence says why."""


@dataclass(frozen=True, slots=True)
class PollRequest:
    """A poll was asked for, and that is stored: the next tick finds it, whatever became of Redis.

    `is_queued`: a worker was told. `message` is for the person who asked.
    """

    connection_id: int
    is_queued: bool
    message: str


def poll_refusal(connection: Connection) -> str | None:
    """Why "Poll now" is not possible just now, as a sentence; None where it is possible."""
    if connection.disconnected_at is not None:
        return "This connection is disconnected; connect the account again first."
    if not (connection.api_key and connection.api_secret):
        return "Missing Huntress API credentials."
    if missing := missing_labels(connection):
        return f"Routing is incomplete; still missing: {', '.join(missing)}."
    if connection.polling_started_at is None:
        return "Polling has not been started yet."
    if connection.paused_at is not None:
        return "Polling is paused; resume it first."
    return None


def start_polling(connection_id: int, *, actor_id: int | None = None) -> PollRequest:
    """Begin the schedule with a first poll at once; on a started connection: poll now.

    The time of the first start is kept for ever: the backfill and "missed open" refer to it.
    Raises PollRefusedError where routing is incomplete, credentials are missing or polling is
    paused (the schedule is not begun then), NotFoundError, EditionError.
    """
    require_enterprise()
    now = clock.utcnow()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.polling_started_at is None:
            connection.polling_started_at = now
            _record(session, connection, "polling.started", actor_id)
        _request(connection, now, sweep=False)
    return _enqueue(connection_id, actor_id=actor_id, sweep=False)


def request_poll(connection_id: int, *, actor_id: int | None, sweep: bool = False) -> PollRequest:
    """Ask for a poll now (with `sweep`: and a look at all open incidents).

    The request is stored first and then handed to the queue: without Redis or a worker it waits
    for the next tick, and the answer's message says so. Asking again while one waits or runs adds
    none, except for a sweep: the poll that runs may be past it.

    Raises PollRefusedError, NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        _request(connection, clock.utcnow(), sweep=sweep)
    return _enqueue(connection_id, actor_id=actor_id, sweep=sweep)


def pause_polling(connection_id: int, *, actor_id: int | None = None) -> Connection:
    """Stop polling until resumed; pausing twice is fine. A poll in progress ends by itself."""
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.paused_at is None:
            connection.paused_at = clock.utcnow()
            _record(session, connection, "polling.paused", actor_id)
        return connection


def resume_polling(connection_id: int, *, actor_id: int | None = None) -> Connection:
    """Poll on schedule again; resuming what is not paused is fine."""
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.paused_at is not None:
            connection.paused_at = None
            _record(session, connection, "polling.resumed", actor_id)
        return connection


def _request(connection: Connection, now: datetime, *, sweep: bool) -> None:
    refusal = poll_refusal(connection)
    if refusal is not None:
        raise PollRefusedError(refusal)
    if sweep:
        connection.sweep_requested_at = now
    if sweep or not has_live_lease(connection, now):
        connection.poll_requested_at = now


def _enqueue(connection_id: int, *, actor_id: int | None, sweep: bool) -> PollRequest:
    try:
        task_queue.enqueue_poll(connection_id, trigger="manual", actor_id=actor_id, sweep=sweep)
        problem = None if task_queue.read_status().has_worker else "No worker is running"
    except task_queue.QueueUnavailableError:
        problem = "The job queue (Redis) cannot be reached"
    if problem is None:
        return PollRequest(connection_id, True, "The poll has been requested.")
    sentence = f"{problem}; the poll is noted and starts as soon as the workers are back."
    return PollRequest(connection_id, False, sentence)


def _record(session: Session, connection: Connection, action: str, actor_id: int | None) -> None:
    record_event(
        session,
        action=action,
        subject_type="connection",
        subject_id=connection.id,
        actor_id=actor_id,
    )
