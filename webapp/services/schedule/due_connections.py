"""Finding the connections that a tick must poll now."""

from datetime import datetime

from sqlalchemy import and_, or_, select

from webapp.models import Connection
from webapp.services.edition import has_integration
from webapp.services.schedule.lease import give_back_leases_of_the_dead, is_due, is_not_paused
from webapp.services.schedule.pauses import end_pauses
from webapp.services.transactions import reading


def find_due_connections(now: datetime) -> list[int]:
    """Return the ids of the connections whose poll is due or was asked for.

    Connections that were never polled come first, then those whose last poll began longest ago.
    Only connections that were started, are connected and are not paused are included; the community
    edition has none. A connection that is being polled is left out until its lease runs out or its
    process ends; then a poll is due at once. Pauses that have come to their end are ended first.
    """
    if not has_integration():
        return []
    give_back_leases_of_the_dead(now)
    end_pauses(now)
    with reading() as session:
        return list(
            session.scalars(
                select(Connection.id)
                .where(
                    Connection.polling_started_at.is_not(None),
                    is_not_paused(now),
                    Connection.disconnected_at.is_(None),
                    or_(
                        and_(Connection.lease_token.is_(None), is_due(now)),
                        # the last poll was interrupted
                        and_(
                            Connection.lease_token.is_not(None), Connection.lease_expires_at <= now
                        ),
                    ),
                )
                .order_by(Connection.last_poll_started_at.asc().nulls_first(), Connection.id)
            )
        )
