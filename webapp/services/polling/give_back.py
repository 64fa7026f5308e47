"""Giving leases back where a process is told to stop amid a poll."""

import logging

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Connection
from webapp.process_identity import own_identity
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.process_inbox import take_back_attempts
from webapp.services.schedule.lease import Lease, LeaseLostError
from webapp.services.schedule.run_log import mark_interrupted
from webapp.services.transactions import transaction
from webapp.stop_signals import stop_is_heard

log = logging.getLogger(__name__)


def give_back(cycle: Cycle) -> None:
    """Give the lease back because the process is told to stop.

    The next poll then need not wait for the lease to run out. A database error is only logged,
    because nothing may keep the process from stopping; the lease then runs out by itself.
    """
    stop_is_heard()
    try:
        with transaction() as session:
            _release(session, cycle.lease, cycle.is_walk_cut_off)
    except LeaseLostError:
        note_lease_lost(cycle)
    except SQLAlchemyError:
        log.exception("connection %s: the lease could not be given back", cycle.connection.id)


def give_back_own_leases() -> None:
    """Give back every lease that this process still holds, because it is told to stop.

    It may be told so between two steps, or by a thread other than those that poll. These then find
    that their lease is gone, and stop. A database error is only logged.
    """
    stop_is_heard()
    is_own = (Connection.lease_holder == str(own_identity())) & Connection.lease_token.is_not(None)
    try:
        with transaction() as session:
            held = session.execute(select(Connection.id, Connection.lease_token).where(is_own))
            for connection_id, token in held.all():
                _release(session, Lease(connection_id, token or "", 0), True)
    except (LeaseLostError, SQLAlchemyError):
        log.exception("not every lease could be given back; they run out by themselves")


def _release(session: Session, lease: Lease, is_walk_cut_off: bool) -> None:
    """Give the lease back without a result; no attempt is counted against the reports in flight.

    What was begun is due at once.
    """
    now = clock.utcnow()
    lease.release(session, is_walk_cut_off=is_walk_cut_off, poll_requested_at=now)
    take_back_attempts(session, lease.connection_id, lease.token)
    mark_interrupted(session, lease.token)


def note_lease_lost(cycle: Cycle) -> None:
    """Mark the run as interrupted: another process took over, or the account was disconnected."""
    log.warning("connection %s: the lease is gone, the poll stops", cycle.connection.id)
    with transaction() as session:
        mark_interrupted(session, cycle.lease.token)
