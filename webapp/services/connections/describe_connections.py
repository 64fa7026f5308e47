"""Describing connections as commands print them."""

from datetime import datetime

from webapp import clock
from webapp.domain.routing import missing_keys
from webapp.services.connections.connection_health import connections_health
from webapp.services.lookups import list_connections
from webapp.services.transactions import reading


def describe_connections() -> list[dict[str, object]]:
    """Return every connection, sorted by name, including disconnected ones, without credentials.

    Times are in ISO format, UTC.
    """
    with reading() as session:
        health = {one.id: one for one in connections_health(session, clock.utcnow())}
        connections = list_connections(session)
    return [
        {
            "id": connection.id,
            "name": connection.name,
            "base_url": connection.base_url,
            "account_id": connection.account_id,
            "account_name": connection.account_name,
            "subdomain": connection.subdomain,
            "state": health[connection.id].state.value,
            "is_connected": connection.disconnected_at is None,
            "is_started": connection.polling_started_at is not None,
            "is_paused": connection.paused_at is not None,
            "pause_reason": connection.pause_reason,
            "paused_until": _iso(connection.paused_until),
            "missing_routing": list(missing_keys(connection)),
            "organizations": health[connection.id].figures.organizations,
            "unmapped": health[connection.id].figures.unmapped,
            "open_incidents": health[connection.id].figures.open_incidents,
            "quarantined": health[connection.id].figures.quarantined,
            "cursor": _iso(connection.cursor),
            "last_success_at": _iso(connection.last_success_at),
            "next_poll_at": _iso(health[connection.id].next_poll_at),
            "error": health[connection.id].error,
        }
        for connection in connections
    ]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
