"""Processing one report that waits in the inbox, without a poll and without a call to Huntress."""

from contextlib import suppress

from sqlalchemy import select

from webapp import clock
from webapp.extensions import current_config
from webapp.models import InboxRow
from webapp.services.notices.tell import release_messages
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.process_inbox import process_inbox
from webapp.services.portal_links import portal_template
from webapp.services.schedule.lease import (
    LeaseLostError,
    claim_idle,
    give_back_leases_of_the_dead,
)
from webapp.services.schedule.run_log import RunLog
from webapp.services.transactions import reading, transaction

LOOKS_EVERY = 0.5
_NO_RUN = 0
"""No row of poll_runs: this is no poll."""


def process_report(connection_id: int, key: str, *, longest_wait: float = 60.0) -> bool:
    """Process the inbox row of one report by the poll's own functions, under its lease.

    While a poll holds the lease, it waits up to `longest_wait` seconds for that poll to end or to
    process the report itself. Returns whether the report has left the inbox; one that failed stays
    there with its error. Raises GlobalProcessingError.
    """
    waited = 0.0
    while _is_waiting(connection_id, key):
        if _process(connection_id, key):
            return not _is_waiting(connection_id, key)
        if waited >= longest_wait:
            return False
        give_back_leases_of_the_dead(clock.utcnow())
        clock.sleep(LOOKS_EVERY)
        waited += LOOKS_EVERY
    return True


def _is_waiting(connection_id: int, key: str) -> bool:
    with reading() as session:
        row = select(InboxRow.id).where(
            InboxRow.connection_id == connection_id, InboxRow.external_key == key
        )
        return session.scalar(row) is not None


def _process(connection_id: int, key: str) -> bool:
    """Process the report if nobody polls the connection; return whether it was tried."""
    with transaction() as session:
        claimed = claim_idle(session, connection_id, seconds=current_config().lease_seconds)
    if claimed is None:
        return False
    lease, connection = claimed
    template = portal_template(connection.portal_template)
    cycle = Cycle(connection, lease, RunLog(_NO_RUN), portal_url=template)
    try:
        process_inbox(cycle, only_key=key)
    except LeaseLostError:
        return False
    finally:
        _give_back(cycle)
    return True


def _give_back(cycle: Cycle) -> None:
    """Give the lease back and let messages go; a poll that took it over does so itself."""
    with suppress(LeaseLostError), transaction() as session:
        cycle.lease.release(session)
        release_messages(session, cycle.connection.id, clock.utcnow())
