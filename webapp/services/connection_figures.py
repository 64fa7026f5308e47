"""The figures of a connection's health, counted for all connections in a handful of queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.domain.incident import CLOSED_STATUSES, DELETED
from webapp.models import Alert, ApiExchange, Client, InboxRow, OrganizationMapping

CALL_WINDOW = timedelta(seconds=60)
ABANDONED_CALL = timedelta(seconds=150)
"""A call that has not finished by then never will: the process that made it is gone."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`oldest_waiting_at` (UTC) is when the longest waiting incident was first fetched."""

    organizations: int = 0
    unmapped: int = 0
    open_incidents: int = 0
    calls_last_minute: int = 0
    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    quarantined: int = 0


def count_figures(session: Session, now: datetime) -> Mapping[int, Figures]:
    """The figures of each connection that has any, by its id.

    An open incident is one recorded in any status that is neither closed nor deleted. Unmapped
    organizations make tickets but have no (active) client. Calls count until 60 s after they end.
    """
    organizations = _numbers(session, _organizations())
    unmapped = _numbers(session, _unmapped())
    incidents = _numbers(session, _open_incidents())
    calls = _numbers(session, _calls(now))
    quarantined = _numbers(session, _quarantined())
    waiting = {row[0]: (row[1], row[2]) for row in session.execute(_waiting())}
    keys = {*organizations, *incidents, *calls, *quarantined, *waiting}
    return {
        key: Figures(
            organizations=organizations.get(key, 0),
            unmapped=unmapped.get(key, 0),
            open_incidents=incidents.get(key, 0),
            calls_last_minute=calls.get(key, 0),
            waiting=waiting.get(key, (0, None))[0],
            oldest_waiting_at=waiting.get(key, (0, None))[1],
            quarantined=quarantined.get(key, 0),
        )
        for key in keys
    }


def _numbers(session: Session, statement: Select[int, int]) -> dict[int, int]:
    return {row[0]: row[1] for row in session.execute(statement)}


def _organizations() -> Select[int, int]:
    key = OrganizationMapping.connection_id
    return select(key, func.count()).where(OrganizationMapping.gone_at.is_(None)).group_by(key)


def _unmapped() -> Select[int, int]:
    has_client = and_(OrganizationMapping.client_id == Client.id, Client.is_active)
    return (
        _organizations()
        .outerjoin(Client, has_client)
        .where(OrganizationMapping.creates_tickets, Client.id.is_(None))
    )


def _open_incidents() -> Select[int, int]:
    over = (*CLOSED_STATUSES, DELETED)
    return (
        select(Alert.connection_id, func.count())
        .where(or_(Alert.status.is_(None), Alert.status.not_in(over)))
        .group_by(Alert.connection_id)
    )


def _calls(now: datetime) -> Select[int, int]:
    is_counted = or_(
        ApiExchange.finished_at > now - CALL_WINDOW,
        and_(ApiExchange.finished_at.is_(None), ApiExchange.reserved_at > now - ABANDONED_CALL),
    )
    key = ApiExchange.connection_id
    return select(key, func.count()).where(is_counted).group_by(key)


def _waiting() -> Select[int, int, datetime]:
    key = InboxRow.connection_id
    return (
        select(key, func.count(), func.min(InboxRow.first_fetched_at))
        .where(InboxRow.quarantined_at.is_(None), InboxRow.dismissed_at.is_(None))
        .group_by(key)
    )


def _quarantined() -> Select[int, int]:
    key = InboxRow.connection_id
    return (
        select(key, func.count())
        .where(InboxRow.quarantined_at.is_not(None), InboxRow.dismissed_at.is_(None))
        .group_by(key)
    )
