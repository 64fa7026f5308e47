"""The figures of connections' health, counted for all connections in one query."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, func, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from webapp.models import (
    Alert,
    ApiExchange,
    Client,
    Connection,
    InboxRow,
    OrganizationMapping,
    Ticket,
)
from webapp.models.alert import is_open
from webapp.services.calls.call_window import ABANDONED_AFTER

CALL_WINDOW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one connection.

    `oldest_waiting_at` (UTC) is when the incident that has waited longest was first fetched.
    `account_limit` and `account_remaining` are what Huntress said within the last minute of the
    calls of all the account's tools; the limit is None where it said nothing.
    """

    organizations: int = 0
    unmapped: int = 0
    open_incidents: int = 0
    calls_last_minute: int = 0
    account_limit: int | None = None
    account_remaining: int = 0
    waiting: int = 0
    oldest_waiting_at: datetime | None = None
    quarantined: int = 0


def count_figures(
    session: Session, now: datetime, connection_id: int | None = None
) -> Mapping[int, Figures]:
    """Return the figures of each connection, or of one, by its id.

    A connection whose figures are all zero is left out. An open incident is recorded in a status
    that is neither closed nor deleted. Unmapped organizations get tickets but have no active
    client. One that is gone from Huntress counts while a ticket of it is open on triage. Calls
    count until 60 s after they end.
    """

    parts: dict[str, Select[*tuple[Any, ...]]] = {
        "waiting": _waiting(),
        "organizations": _organizations(),
        "unmapped": _unmapped(),
        "incidents": _open_incidents(),
        "calls": _calls(now),
        "limit": _last_seen(ApiExchange.account_limit, now),
        "remaining": _last_seen(ApiExchange.account_remaining, now),
        "quarantined": _quarantined(),
    }
    counts: dict[str, dict[int, int]] = {name: {} for name in parts}
    oldest: dict[int, datetime | None] = {}
    for name, key, count, time in session.execute(_together(parts, connection_id)):
        if count:
            counts[name][key] = count
        if time is not None:
            oldest[key] = time
    return {
        key: Figures(
            organizations=counts["organizations"].get(key, 0),
            unmapped=counts["unmapped"].get(key, 0),
            open_incidents=counts["incidents"].get(key, 0),
            calls_last_minute=counts["calls"].get(key, 0),
            account_limit=counts["limit"].get(key),
            account_remaining=counts["remaining"].get(key, 0),
            waiting=counts["waiting"].get(key, 0),
            oldest_waiting_at=oldest.get(key),
            quarantined=counts["quarantined"].get(key, 0),
        )
        for key in {key for found in counts.values() for key in found}
    }


def _together(
    parts: Mapping[str, Select[*tuple[Any, ...]]], connection_id: int | None
) -> CompoundSelect[*tuple[Any, ...]]:
    """Return one statement for all parts.

    Its columns are a part's name, a connection's id, a number, and a time or NULL. The part with a
    time has to be the first, because the first part gives the column its type.
    """
    named = []
    for name, part in parts.items():
        key, *_ = part.selected_columns
        wanted = part if connection_id is None else part.where(key == connection_id)
        columns = [*wanted.selected_columns, null()][:3]
        named.append(wanted.with_only_columns(literal(name), *columns))
    return union_all(*named)


def _organizations() -> Select[int, int]:
    key = OrganizationMapping.connection_id
    on_triage = (
        select(Alert.id)
        .join(Ticket, Ticket.id == Alert.ticket_id)
        .where(
            Alert.connection_id == key,
            Alert.organization_external_id == OrganizationMapping.external_id,
            Ticket.closed_at.is_(None),
            Ticket.is_unmapped,
        )
        .exists()
    )
    is_there = or_(OrganizationMapping.gone_at.is_(None), on_triage)
    return select(key, func.count()).where(is_there).group_by(key)


def _unmapped() -> Select[int, int]:
    has_client = and_(OrganizationMapping.client_id == Client.id, Client.is_active)
    return (
        _organizations()
        .outerjoin(Client, has_client)
        .where(OrganizationMapping.creates_tickets, Client.id.is_(None))
    )


def _open_incidents() -> Select[int, int]:
    key = Alert.connection_id
    return select(key, func.count()).where(is_open(), Alert.is_drill.is_(False)).group_by(key)


def _calls(now: datetime) -> Select[int, int]:
    """Count each connection's calls in a subquery of its own, so that SQLite uses the index."""
    counted = select(func.count()).where(
        ApiExchange.connection_id == Connection.id,
        ApiExchange.reserved_at > now - CALL_WINDOW - ABANDONED_AFTER,  # earlier calls are over
        or_(
            ApiExchange.finished_at > now - CALL_WINDOW,
            and_(
                ApiExchange.finished_at.is_(None), ApiExchange.reserved_at > now - ABANDONED_AFTER
            ),
        ),
    )
    return select(Connection.id, counted.scalar_subquery())


def _last_seen(column: Any, now: datetime) -> Select[int, int]:
    """Return what the last answer of the last minute said of each connection's account."""
    newest = (
        select(column)
        .where(
            ApiExchange.connection_id == Connection.id,
            ApiExchange.reserved_at > now - CALL_WINDOW - ABANDONED_AFTER,
            ApiExchange.finished_at > now - CALL_WINDOW,
            column.is_not(None),
        )
        .order_by(ApiExchange.finished_at.desc(), ApiExchange.id.desc())
        .limit(1)
    )
    return select(Connection.id, newest.scalar_subquery())


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
