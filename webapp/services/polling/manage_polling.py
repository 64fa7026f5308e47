"""Starting, pausing, resuming and asking for polls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp import clock, task_queue
from webapp.domain.pause import is_paused
from webapp.domain.polling_health import MISSING_CREDENTIALS
from webapp.domain.routing import missing_labels
from webapp.domain.untrusted import clean_line
from webapp.models import Connection
from webapp.services.audit import record_event
from webapp.services.calls.open_client import (
    MissingCredentialsError,
    UnreadableCredentialsError,
    require_credentials,
)
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_connection
from webapp.services.schedule.judge_polling import judge_connections
from webapp.services.schedule.lease import has_live_lease
from webapp.services.schedule.pauses import NO_PAUSE, end_pause
from webapp.services.transactions import transaction

PAUSE_REASON_LENGTH = 500


class PollRefusedError(RefusedError):
    """A poll cannot be asked for in the connection's present state; the sentence says why."""


@dataclass(frozen=True, slots=True)
class PollRequest:
    """A request for a poll that is stored, so that the next tick finds it even without Redis.

    `is_queued` says whether the job is in the queue and a worker is running. `message` is for the
    person who asked.
    """

    connection_id: int
    is_queued: bool
    message: str


def poll_refusal(connection: Connection) -> str | None:
    """Return why "Poll now" is not possible, as a sentence; None where it is possible."""
    if connection.disconnected_at is not None:
        return "This connection is disconnected; connect the account again first."
    try:
        require_credentials(connection)
    except UnreadableCredentialsError as error:
        return str(error)
    except MissingCredentialsError:
        return MISSING_CREDENTIALS
    if missing := missing_labels(connection):
        return f"Routing is incomplete; still missing: {', '.join(missing)}."
    if connection.polling_started_at is None:
        return "Polling has not been started yet."
    if is_paused(connection.paused_at, connection.paused_until, clock.utcnow()):
        return "Polling is paused; resume it first."
    return None


def start_polling(connection_id: int, *, actor_id: int | None = None) -> PollRequest:
    """Begin the schedule with a first poll at once; a connection that was started is polled now.

    The time of the first start is never changed, because the "missed open" count and the
    dashboard's figures refer to it. Raises PollRefusedError where routing is incomplete,
    credentials are missing or polling is paused (the schedule is not begun then), NotFoundError,
    EditionError.
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
    """Ask for a poll now; with `sweep` it also looks at all open incidents.

    The request is stored first and then handed to the queue. Without Redis or a worker it waits for
    the next tick, and the answer's message says so. While a poll runs, another request adds no
    poll, except for a sweep: the running poll may be past the point where it would sweep. Raises
    PollRefusedError, NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        _request(connection, clock.utcnow(), sweep=sweep)
    return _enqueue(connection_id, actor_id=actor_id, sweep=sweep)


def pause_polling(
    connection_id: int,
    *,
    reason: str,
    until: datetime | None = None,
    actor_id: int | None = None,
) -> Connection:
    """Stop polling until `until` (UTC), or until it is resumed where that is None.

    A pause that goes on keeps its beginning and takes the new reason and end. A poll in progress
    runs to its end. Raises FieldError (no reason, or an end that has passed), NotFoundError,
    EditionError.
    """
    require_enterprise()
    now = clock.utcnow()
    reason = clean_line(reason, PAUSE_REASON_LENGTH) or ""
    if not reason:
        raise FieldError({"reason": "Say why polling is paused."})
    if until is not None and until <= now:
        raise FieldError({"end": "Choose an end that lies in the future."})
    with transaction() as session:
        end_pause(session, connection_id, now)
        connection = get_connection(session, connection_id, lock=True)
        told = (connection.pause_reason, connection.paused_until, connection.paused_by_id)
        if connection.paused_at is None or told != (reason, until, actor_id):
            connection.paused_at = connection.paused_at or now
            connection.paused_by_id = actor_id
            connection.pause_reason = reason
            connection.paused_until = until
            after = {"reason": reason, "until": None if until is None else until.isoformat()}
            _record(session, connection, "polling.paused", actor_id, after)
        return connection


def resume_polling(connection_id: int, *, actor_id: int | None = None) -> Connection:
    """Poll on schedule again; a connection that is not paused stays as it is.

    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.paused_at is not None:
            for column, nothing in NO_PAUSE.items():
                setattr(connection, column, nothing)
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
    if any(one.judgement.by_timer for one in judge_connections()):
        sentence = "The poll is requested; the timer's next `triagedesk poll --due` starts it."
        return PollRequest(connection_id, False, sentence)
    try:
        task_queue.enqueue_poll(connection_id, trigger="manual", actor_id=actor_id, sweep=sweep)
        problem = None if task_queue.read_queue_status().has_worker else "No worker is running"
    except task_queue.QueueUnavailableError:
        problem = "The job queue (Redis) cannot be reached"
    if problem is None:
        return PollRequest(connection_id, True, "The poll has been requested.")
    sentence = f"{problem}; the poll is requested and starts as soon as the workers are back."
    return PollRequest(connection_id, False, sentence)


def _record(
    session: Session,
    connection: Connection,
    action: str,
    actor_id: int | None,
    after: Mapping[str, object] | None = None,
) -> None:
    record_event(
        session,
        action=action,
        subject_type="connection",
        subject_id=connection.id,
        after=after,
        actor_id=actor_id,
    )
