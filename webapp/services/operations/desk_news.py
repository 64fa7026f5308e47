"""Whether anything has changed that the dashboard shows: one statement, one tag."""

from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, String, cast, func, select

from webapp.domain.live.tag import tag_of
from webapp.models import Alarm, Alert, Connection, Ticket
from webapp.services.tickets.live.news_rows import at_most, news_part
from webapp.services.tickets.live.read_news import News, read_news, told_with

NEWEST_CHANGES = 20
"""Whatever changes a ticket makes it one of the newest; of several a late one is still among so
many."""
_PARTS = ("changed", "alert", "alarm", "poll", "pause")


def read_desk_news() -> News:
    """What the dashboard is told: `desk` is another text once anything on it has changed."""
    news, rows = read_news(_told_of_desk())
    state = [str(tuple(row)) for name in _PARTS for row in sorted(rows.get(name, ()), key=_by_id)]
    return news | {"desk": tag_of({"state": state})}


def _by_id(row: Any) -> int:
    return row.id or 0


@cache
def _told_of_desk() -> CompoundSelect[Any]:
    newest = select(Ticket.id).order_by(Ticket.updated_at.desc(), Ticket.id.desc())
    alarms = select(Alarm.id).where(Alarm.ended_at.is_(None))
    polled = select(Connection.id)
    return told_with(
        news_part(
            "changed",
            newest.limit(at_most(NEWEST_CHANGES)),
            id=Ticket.id,
            changed=Ticket.updated_at,
        ),
        news_part("alert", select(Alert.id), id=func.max(Alert.id)),
        news_part("alarm", alarms, id=Alarm.id, at=Alarm.clear_since),
        news_part(
            "poll",
            polled,
            id=Connection.id,
            name=Connection.name,
            words=Connection.lease_token,
            more=cast(Connection.last_error, String),
            at=Connection.last_success_at,
            changed=Connection.paused_at,
        ),
        news_part(
            "pause",
            polled,
            id=Connection.id,
            at=Connection.disconnected_at,
            changed=Connection.poll_requested_at,
        ),
    )
