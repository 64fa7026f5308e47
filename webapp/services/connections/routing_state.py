"""Whether a connection's routing is complete, and what its settings are."""

from typing import cast

from sqlalchemy.orm import Session

from webapp.domain.routing import (
    REQUIRED_FIELDS,
    clamp_backfill_days,
    clamp_poll_interval,
    missing_fields,
)
from webapp.models import Board, Category, Client, Connection, Priority, Status
from webapp.services.lookups import get_connection
from webapp.services.transactions import reading

Named = Board | Category | Client | Priority | Status

PAUSED_SENTENCE = (
    "Incident polling is paused until the routing configuration below is complete (board, "
    "fallback client/board, and all three severity priorities)."
)


def routing_state(connection: Connection) -> tuple[str, ...]:
    """The required fields that `connection` lacks (keys of REQUIRED_FIELDS); empty = complete."""
    return missing_fields(
        {
            "board": connection.board_id,
            "fallback_client": connection.fallback_client_id,
            "fallback_board": connection.fallback_board_id,
            "priority.critical": connection.critical_priority_id,
            "priority.high": connection.high_priority_id,
            "priority.low": connection.low_priority_id,
        }
    )


def missing_labels(connection: Connection) -> tuple[str, ...]:
    """What routing lacks, in the words of the form."""
    return tuple(REQUIRED_FIELDS[field] for field in routing_state(connection))


def poll_interval(connection: Connection) -> int:
    """Minutes between polls; what is stored out of range is clamped (1 to 60)."""
    return clamp_poll_interval(connection.poll_interval_minutes)


def backfill_days(connection: Connection) -> int:
    """Days the first poll looks back; what is stored out of range is clamped (1 to 30)."""
    return clamp_backfill_days(connection.backfill_days)


def show_routing(connection_id: int) -> dict[str, object]:
    """The routing settings by name, as `routing show` prints them; raises NotFoundError."""
    with reading() as session:
        return _as_words(session, get_connection(session, connection_id))


def _as_words(session: Session, connection: Connection) -> dict[str, object]:
    missing = routing_state(connection)

    def name(model: type[Named], row_id: int | None) -> str | None:
        row = None if row_id is None else cast("Named | None", session.get(model, row_id))
        return None if row is None else row.name

    return {
        "id": connection.id,
        "board": name(Board, connection.board_id),
        "category": name(Category, connection.category_id),
        "subcategory": name(Category, connection.subcategory_id),
        "fallback_client": name(Client, connection.fallback_client_id),
        "fallback_board": name(Board, connection.fallback_board_id),
        "priorities": {
            "critical": name(Priority, connection.critical_priority_id),
            "high": name(Priority, connection.high_priority_id),
            "low": name(Priority, connection.low_priority_id),
        },
        "poll_interval_minutes": poll_interval(connection),
        "backfill_days": backfill_days(connection),
        "auto_close_tickets": connection.auto_close_tickets,
        "closed_status": name(Status, connection.closed_status_id),
        "leave_touched_open": connection.leave_touched_open,
        "reopen_tickets": connection.reopen_tickets,
        "is_complete": not missing,
        "missing": list(missing),
    }
