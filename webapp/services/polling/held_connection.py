"""A connection that a poll or a person's request holds while it writes tickets.

A poll holds it by its lease and is a `Cycle`. A request holds it by the lock on its row. Every
transaction of a poll begins with an update of that row, so it runs before or after the request's
transaction, never during it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import and_, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.routing import missing_settings
from webapp.models import Connection, Status
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_connection
from webapp.services.polling.cycle import CLOCK_TOLERANCE
from webapp.services.portal_links import portal_template
from webapp.services.schedule.lease import PolledConnection
from webapp.services.tickets.ticket_state import hold_default_status, hold_status
from webapp.services.transactions import NO_SYNC


class HeldConnection(Protocol):
    """What the steps that write tickets need, from a poll or from a request."""

    @property
    def connection(self) -> PolledConnection:
        """The connection as it was when the lease or the lock was taken."""

    @property
    def portal_url(self) -> str:
        """The pattern of an incident's address in Huntress's portal."""

    def huntress_now(self) -> datetime:
        """Return the latest time (UTC) that Huntress's clock can show."""

    def note_pending_details(self, session: Session) -> None:
        """Remember, in the caller's transaction, that some tickets still lack details."""


@dataclass(frozen=True)
class LockedConnection:
    """A connection whose row a transaction has locked."""

    connection: PolledConnection
    portal_url: str

    def huntress_now(self) -> datetime:
        """Return our own time (UTC) plus CLOCK_TOLERANCE.

        No call was made, so there is no `Date` header to correct it by.
        """
        return clock.utcnow() + CLOCK_TOLERANCE

    def note_pending_details(self, session: Session) -> None:
        """Remember, in the caller's transaction, that some tickets lack details.

        The next poll fills them in.
        """
        session.execute(
            update(Connection)
            .where(Connection.id == self.connection.id)
            .values(has_pending_details=True),
            execution_options=NO_SYNC,
        )


def lock_connection(session: Session, connection_id: int) -> LockedConnection:
    """Lock the connection's row until the transaction ends.

    Raises NotFoundError, and RefusedError where the routing settings are incomplete.
    """
    connection = get_connection(session, connection_id, lock=True)
    if missing_settings(connection):
        raise RefusedError(
            "The routing configuration is incomplete: complete and save it first, so that there "
            "is a board, a client and a priority for the tickets."
        )
    names = PolledConnection.__dataclass_fields__
    polled = PolledConnection(**{name: getattr(connection, name) for name in names})
    return LockedConnection(polled, portal_template(polled.portal_template))


class RoutedStatuses:
    """The statuses that a transaction gives to tickets, each read and locked once."""

    def __init__(self, session: Session, closed_status_id: int | None) -> None:
        self._session = session
        self._closed_status_id = closed_status_id
        self._open: Status | None = None
        self._closed: Status | None = None

    def open(self) -> Status:
        """Return the default status. Raises NoResultFound if there is none."""
        self._open = self._open or hold_default_status(self._session)
        return self._open

    def closed(self) -> Status:
        """Return the closed status of the routing settings. Raises NoResultFound if it is gone."""
        if self._closed is None:
            chosen = and_(Status.id == self._closed_status_id, Status.is_closed)
            self._closed = hold_status(self._session, chosen)
        if self._closed is None:
            raise NoResultFound(
                "The closed status was just changed; the next poll uses the new setting."
            )
        return self._closed
