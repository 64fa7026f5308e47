"""Finding the connections that a tick must poll now."""

from datetime import datetime

from sqlalchemy import or_, select

from webapp.extensions import current_config
from webapp.models import Connection
from webapp.services.polling.lease import is_due, is_not_paused
from webapp.services.polling.pauses import end_pauses
from webapp.services.transactions import reading


def find_due_connections(now: datetime) -> list[int]:
    """Return the ids of the connections whose poll is due or was asked for.

    Connections that were never polled come first, then those whose last poll began longest ago.
    Only connections that were started, are connected and are not paused are included; the community
    edition has none. A connection that is being polled is left out until its lease runs out. Pauses
    that have come to their end are ended first.
    """
    if not current_config().is_enterprise:
        return []
    end_pauses(now)
    with reading() as session:
        return list(
            session.scalars(
                select(Connection.id)
                .where(
                    Connection.polling_started_at.is_not(None),
                    is_not_paused(now),
                    Connection.disconnected_at.is_(None),
                    or_(Connection.lease_token.is_(None), Connection.lease_expires_at <= now),
                    is_due(now),
                )
                .order_by(Connection.last_poll_started_at.asc().nulls_first(), Connection.id)
            )
        )
