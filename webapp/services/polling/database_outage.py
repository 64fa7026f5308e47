"""A database that goes away amid a poll and comes back is waited for, under the lease's fence."""

import logging

from webapp import clock
from webapp.outage import DATABASE
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.process_inbox import GlobalProcessingError, take_back_attempts
from webapp.services.transactions import DATABASE_AWAY, transaction

DATABASE_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0)
"""Seconds between the tries of a cycle whose database went away."""

log = logging.getLogger(__name__)


def has_come_back(cycle: Cycle, problem: Exception, pause: float) -> bool:
    """Wait after a failure of the database; False where the problem is another one.

    A database that is still away is asked again, until the pauses are used up.
    Raises LeaseLostError.
    """
    cause = problem.__cause__ if isinstance(problem, GlobalProcessingError) else problem
    if not isinstance(cause, DATABASE_AWAY):
        return False
    DATABASE.begin(str(cause.orig))
    clock.sleep(pause)
    try:
        with transaction() as session:
            cycle.lease.fence(session)
            take_back_attempts(session, cycle.connection.id, cycle.lease.token)
        DATABASE.end()
    except DATABASE_AWAY:
        log.debug("the database is still away", exc_info=True)
    return True
