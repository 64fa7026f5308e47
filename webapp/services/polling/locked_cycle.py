"""What the steps of a poll share, for people's requests that write tickets as a poll does.

Such a request holds the lock on the connection's row instead of a lease: a poll's transactions
begin with an update of that row, so they come before it or after it, never between.
"""

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.extensions import current_config
from webapp.models import Connection
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_connection
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.lease import Lease, PolledConnection, missing_routing
from webapp.services.polling.run_log import RunLog
from webapp.services.transactions import NO_SYNC

_NO_RUN = 0


class RowLock(Lease):
    """In the place of a lease, for a transaction that holds the connection's row locked."""

    def __init__(self, connection_id: int) -> None:
        super().__init__(connection_id, token="", seconds=0)

    def fence(self, session: Session, **values: object) -> None:
        """Write `values` to the connection; the lease, if there is one, is somebody else's."""
        if values:
            session.execute(
                update(Connection).where(Connection.id == self.connection_id).values(**values),
                execution_options=NO_SYNC,
            )


def lock_cycle(session: Session, connection_id: int) -> Cycle:
    """Lock the connection's row until the transaction ends; its counts go nowhere.

    Raises NotFoundError, and RefusedError where routing does not say where tickets go.
    """
    connection = get_connection(session, connection_id, lock=True)
    if missing_routing(connection):
        raise RefusedError(
            "The routing configuration is incomplete: complete and save it first, so that there "
            "is a board, a client and a priority for the tickets."
        )
    names = PolledConnection.__dataclass_fields__
    polled = PolledConnection(**{name: getattr(connection, name) for name in names})
    return Cycle(
        polled,
        RowLock(connection_id),
        RunLog(_NO_RUN),
        portal_url=current_config().huntress_portal_url,
    )
