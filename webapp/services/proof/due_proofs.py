"""Which connections have no proof of today yet, and asking for one by hand."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, select

from webapp import task_queue
from webapp.domain.proof import PROOF_DAYS
from webapp.models import Connection, PollRun, Proof
from webapp.models.poll_run import COMPLETED
from webapp.services.calls.open_client import require_credentials
from webapp.services.edition import has_integration, require_enterprise
from webapp.services.errors import RefusedError, ServiceError
from webapp.services.lookups import get_connection
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.schedule.lease import is_not_paused
from webapp.services.transactions import reading

TRIED_AGAIN_AFTER = timedelta(hours=1)

log = logging.getLogger(__name__)


def find_due_proofs(now: datetime) -> list[int]:
    """Return the ids of the connections without a complete proof of today (UTC).

    Only connections that are polled count, of which a poll has succeeded. Where a proof was begun
    within the last hour, it is left to that one; after a failure it is tried again hourly.
    """
    if not has_integration():
        return []
    is_proven = select(Proof.id).where(
        Proof.connection_id == Connection.id,
        or_(
            (Proof.day == now.date()) & Proof.finished_at.is_not(None) & Proof.error.is_(None),
            Proof.started_at > now - TRIED_AGAIN_AFTER,
        ),
    )
    was_polled = select(PollRun.id).where(
        PollRun.connection_id == Connection.id, PollRun.state == COMPLETED
    )
    with reading() as session:
        return list(
            session.scalars(
                select(Connection.id)
                .where(
                    Connection.polling_started_at.is_not(None),
                    Connection.disconnected_at.is_(None),
                    is_not_paused(now),
                    was_polled.exists(),
                    ~is_proven.exists(),
                )
                .order_by(Connection.id)
            )
        )


def enqueue_due_proofs(now: datetime) -> list[int]:
    """Enqueue the proofs that are due; return the connections whose proof was enqueued."""
    return [one for one in find_due_proofs(now) if _enqueue(one)]


def prove_due(now: datetime) -> None:
    """Make the proofs that are due in this process, for installations without a worker.

    It does not wait for calls, as polls wait for it. What goes wrong is logged, so that the others
    are proven all the same.
    """
    for connection_id in find_due_proofs(now):
        try:
            prove_connection(connection_id, longest_wait=timedelta(0))
        except ServiceError as error:
            log.warning("connection %s could not be proven: %s", connection_id, error)


def request_proof(connection_id: int, *, actor_id: int | None = None) -> str:
    """Let a worker make a proof now; return words for the person who asked.

    Raises RefusedError where no worker takes it or the connection cannot be proven, NotFoundError,
    EditionError.
    """
    require_enterprise()
    with reading() as session:
        require_credentials(get_connection(session, connection_id))
    if not task_queue.read_queue_status().can_run_jobs:
        raise RefusedError(
            "No worker is running, so nothing was started. On the server, "
            f"`triagedesk prove {connection_id}` makes the proof without one."
        )
    try:
        is_new = _enqueue(connection_id, actor_id)
    except task_queue.QueueUnavailableError as error:
        raise RefusedError(str(error)) from error
    if not is_new:
        return "A proof is being made already."
    return "The proof has begun; its result is shown here in a moment."


def _enqueue(connection_id: int, actor_id: int | None = None) -> bool:
    return task_queue.enqueue(
        "prove",
        job_id=f"prove-{connection_id}",
        connection_id=connection_id,
        days=PROOF_DAYS,
        actor_id=actor_id,
    )
