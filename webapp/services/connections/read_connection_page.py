"""Reading what a connection's page shows: its account, settings, set-up steps and health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from webapp import clock
from webapp.domain.checklist import TELL, ConnectionFacts, SetupStep, plan_setup
from webapp.domain.pause import is_paused
from webapp.domain.polling_health import UNREADABLE_CREDENTIALS
from webapp.domain.routing import PRIORITY_COLUMNS
from webapp.domain.routing_words import RoutingNames, describe_routing
from webapp.models import Connection
from webapp.services.connections.connection_health import ConnectionHealth, connections_health
from webapp.services.connections.routing_settings import ROUTING_REFERENCES, Named, routing_values
from webapp.services.edition import require_enterprise
from webapp.services.errors import NotFoundError
from webapp.services.notices.reach import ReachView, read_reach
from webapp.services.portal_links import PortalChoice, list_portal_choices
from webapp.services.transactions import reading

NO_CONNECTION = "There is no such connection (any more)."


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """One connection. Times are UTC; credentials are not read.

    `values` are the stored settings by attribute. `chosen` are the rows that they name by
    attribute, including deactivated ones. `sentences` say what the settings mean. `steps` lead
    through the set-up. `portal_choices` are the forms of links to Huntress's portal.
    `is_telling_open` says that nobody chose yet who is told.
    """

    id: int
    name: str
    account_name: str | None
    account_id: str
    base_url: str
    has_credentials: bool
    connected_at: datetime | None
    disconnected_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    paused_until: datetime | None
    is_acknowledged: bool
    polling_started_at: datetime | None
    synced_at: datetime | None
    values: Mapping[str, object]
    chosen: Mapping[str, Named]
    sentences: Sequence[str]
    steps: Sequence[SetupStep]
    portal_choices: Sequence[PortalChoice]
    has_unchecked_links: bool
    health: ConnectionHealth
    is_telling_open: bool

    @property
    def title(self) -> str:
        """The name to show: the one that people here gave the connection."""
        return self.name

    @property
    def is_connected(self) -> bool:
        """Whether the account is connected, so that Huntress can be asked."""
        return self.has_credentials and self.disconnected_at is None

    @property
    def is_set_up(self) -> bool:
        """Whether no step of the set-up holds up polling or is to be done after the first poll."""
        waits = any(
            one.blocks_polling or (one.key == TELL and not one.is_done) for one in self.steps
        )
        return not self.has_unchecked_links and not waits


def read_connection_page(connection_id: int) -> ConnectionPage:
    """Return one connection's page; raises NotFoundError, EditionError."""
    require_enterprise()
    now = clock.utcnow()
    with reading() as session:
        connection, has_credentials = _load(session, connection_id)
        [health] = connections_health(session, now, connection_id)
        values = routing_values(connection)
        chosen = _chosen(session, values)
        portal_choices = list_portal_choices(session, connection)
        reach = read_reach(session, now)
    facts = _facts(connection, has_credentials, health, reach)
    has_incident = any(choice.url for choice in portal_choices)
    facts = replace(facts, has_incident=has_incident)
    return ConnectionPage(
        id=connection.id,
        name=connection.name,
        account_name=connection.account_name,
        account_id=connection.account_id,
        base_url=connection.base_url,
        has_credentials=has_credentials,
        connected_at=connection.connected_at,
        disconnected_at=connection.disconnected_at,
        paused_at=connection.paused_at
        if is_paused(connection.paused_at, connection.paused_until, now)
        else None,
        pause_reason=connection.pause_reason,
        paused_until=connection.paused_until,
        is_acknowledged=connection.disconnect_acknowledged_at is not None,
        polling_started_at=connection.polling_started_at,
        synced_at=connection.organizations_synced_at,
        values=values,
        chosen=chosen,
        sentences=describe_routing(_names(connection, chosen)),
        steps=plan_setup(facts),
        portal_choices=portal_choices,
        has_unchecked_links=has_incident and not facts.is_link_checked,
        health=health,
        is_telling_open=not reach.is_decided,
    )


def _load(session: Session, connection_id: int) -> tuple[Connection, bool]:
    has_credentials = Connection.api_key.is_not(None) & Connection.api_secret.is_not(None)
    row = session.execute(
        select(Connection, has_credentials)
        .where(Connection.id == connection_id)
        .options(defer(Connection.api_key), defer(Connection.api_secret))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFoundError(NO_CONNECTION)
    return row[0], bool(row[1])


def _chosen(session: Session, values: Mapping[str, object]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for attribute, model in ROUTING_REFERENCES.items():
        key = values[attribute]
        row = None if key is None else cast("Named | None", session.get(model, key))
        if row is not None:
            found[attribute] = row
    return found


def _names(connection: Connection, chosen: Mapping[str, Named]) -> RoutingNames:
    def name(attribute: str) -> str | None:
        return chosen[attribute].name if attribute in chosen else None

    return RoutingNames(
        board=name("board_id"),
        category=name("category_id"),
        subcategory=name("subcategory_id"),
        fallback_client=name("fallback_client_id"),
        fallback_board=name("fallback_board_id"),
        priorities={severity: name(column) for severity, column in PRIORITY_COLUMNS.items()},
        poll_interval_minutes=connection.poll_interval_minutes,
        backfill_days=connection.backfill_days,
        closed_status=name("closed_status_id") if connection.auto_close_tickets else None,
        leave_touched_open=connection.leave_touched_open,
        reopen_tickets=connection.reopen_tickets,
    )


def _facts(
    connection: Connection, has_credentials: bool, health: ConnectionHealth, reach: ReachView
) -> ConnectionFacts:
    return ConnectionFacts(
        has_credentials=has_credentials and health.error != UNREADABLE_CREDENTIALS,
        is_disconnected=connection.disconnected_at is not None,
        missing_routing=health.missing_routing,
        organizations=health.figures.organizations,
        unmapped=health.figures.unmapped,
        is_started=connection.polling_started_at is not None,
        is_paused=connection.paused_at is not None,
        is_link_checked=connection.portal_checked_at is not None,
        is_telling_decided=reach.is_decided,
        has_policies=reach.has_policies,
        untold=reach.reach.problems,
    )
