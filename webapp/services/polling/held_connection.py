"""Who holds a connection while tickets are written for it: a poll, or a person's request.

A poll holds it by its lease and is a `Cycle`. A request holds it by the lock on its row: a poll's
transactions begin with an update of that row, so they come before it or after it, never between.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.routing import missing_settings
from webapp.extensions import current_config
from webapp.models import Connection
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_connection
from webapp.services.polling.cycle import CLOCK_TOLERANCE
from webapp.services.polling.lease import PolledConnection
from webapp.services.transactions import NO_SYNC


class HeldConnection(Protocol):
    """What the steps that write tickets need of whoever holds the connection."""

    @property
    def connection(self) -> PolledConnection:
        """The connection as it was when it was taken hold of."""

    @property
    def portal_url(self) -> str:
        """The pattern of an incident's address in Huntress's portal."""

    def huntress_now(self) -> datetime:
        """What time it is at Huntress at the latest (UTC)."""

    def note_pending_details(self, session: Session) -> None:
        """Remember, in the caller's transaction, that some tickets still lack details."""


@dataclass(frozen=True)
class LockedConnection:
    """A connection whose row a transaction has locked."""

    connection: PolledConnection
    portal_url: str

    def huntress_now(self) -> datetime:
        """Our own time: nothing was asked of Huntress whose `Date` header would correct it."""
        return clock.utcnow() + CLOCK_TOLERANCE

    def note_pending_details(self, session: Session) -> None:
        """The next poll fills them in."""
        session.execute(
            update(Connection)
            .where(Connection.id == self.connection.id)
            .values(has_pending_details=True),
            execution_options=NO_SYNC,
        )


def lock_connection(session: Session, connection_id: int) -> LockedConnection:
    """Lock the connection's row until the transaction ends.

    Raises NotFoundError, and RefusedError where routing does not say where tickets go.
    """
    connection = get_connection(session, connection_id, lock=True)
    if missing_settings(connection):
        raise RefusedError(
            "The routing configuration is incomplete: complete and save it first, so that there "
            "is a board, a client and a priority for the tickets."
        )
    names = PolledConnection.__dataclass_fields__
    polled = PolledConnection(**{name: getattr(connection, name) for name in names})
    return LockedConnection(polled, current_config().huntress_portal_url)
