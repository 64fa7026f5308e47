"""What belongs to a client: its organizations, tickets, incidents, assets and agents, as SQL.

A ticket on triage belongs to the client of its organization. One that a person gave to another
client belongs to that one, with its incident.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.domain.plan import Reason
from webapp.models import (
    Alert,
    Asset,
    Attachment,
    Client,
    Comment,
    Connection,
    HuntressAgent,
    OrganizationMapping,
    OutboxRow,
    Policy,
    Ticket,
)
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_row
from webapp.services.notices.read_rules import as_rule
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class ClientCounts:
    """How much is stored of a client; `elsewhere` are tickets of its organizations that stay.

    These were given to other clients by people.
    """

    tickets: int
    notes: int
    files: int
    incidents: int
    assets: int
    agents: int
    organizations: int
    messages: int
    elsewhere: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def is_of_client(client_id: int) -> ColumnElement[bool]:
    """SQL for tickets of the client."""
    return or_(
        Ticket.client_id == client_id,
        and_(Ticket.is_unmapped, exists().where(Alert.ticket_id == Ticket.id, _is_its(client_id))),
    )


def is_incident_of(client_id: int) -> ColumnElement[bool]:
    """SQL for alerts of the client that still hold anything: with its tickets, or without one."""
    its_ticket = exists().where(Ticket.id == Alert.ticket_id, is_of_client(client_id))
    without = and_(
        Alert.ticket_id.is_(None),
        _is_its(client_id),
        or_(Alert.reason.is_(None), Alert.reason != Reason.ERASED),
    )
    return or_(its_ticket, without)


def is_agent_of(client_id: int) -> ColumnElement[bool]:
    """SQL for agents of the client's organizations."""
    return exists().where(
        OrganizationMapping.client_id == client_id,
        OrganizationMapping.connection_id == HuntressAgent.connection_id,
        OrganizationMapping.external_id == HuntressAgent.organization_external_id,
    )


def is_message_of(client_id: int) -> ColumnElement[bool]:
    """SQL for rows of the outbox about the client's tickets."""
    return exists().where(Ticket.id == OutboxRow.ticket_id, is_of_client(client_id))


def count_client(client_id: int) -> ClientCounts:
    """Count what is stored of a client. Raises NotFoundError."""
    with reading() as session:
        get_row(session, Client, client_id, f"There is no client {client_id}.")
        tickets = is_of_client(client_id)
        return ClientCounts(
            tickets=_count(session, Ticket.id, tickets),
            notes=_count(
                session, Comment.id, exists().where(Ticket.id == Comment.ticket_id, tickets)
            ),
            files=_count(
                session,
                Attachment.id,
                exists().where(Ticket.id == Attachment.ticket_id, tickets),
            ),
            incidents=_count(session, Alert.id, is_incident_of(client_id)),
            assets=_count(session, Asset.id, Asset.client_id == client_id),
            agents=_count(session, HuntressAgent.id, is_agent_of(client_id)),
            organizations=_count(
                session, OrganizationMapping.id, OrganizationMapping.client_id == client_id
            ),
            messages=_count(session, OutboxRow.id, is_message_of(client_id)),
            elsewhere=_count(
                session,
                Ticket.id,
                exists().where(Alert.ticket_id == Ticket.id, _is_its(client_id)),
                ~tickets,
            ),
        )


def refuse_in_use(session: Session, client_id: int) -> None:
    """Raise RefusedError while routing or a policy names the client: both would change by it."""
    connections = session.scalars(
        select(Connection.name)
        .where(Connection.fallback_client_id == client_id)
        .order_by(Connection.name)
    ).all()
    policies = [
        policy.name
        for policy in session.scalars(select(Policy).order_by(Policy.position))
        if (rule := as_rule(policy)) is not None and client_id in rule.conditions.client_ids
    ]
    used_by = [
        *(f"the routing of {name} falls back to it" for name in connections),
        *(f"the policy {name} names it" for name in policies),
    ]
    if used_by:
        raise RefusedError(
            f"This client cannot be forgotten yet: {', '.join(used_by)}. Change that first."
        )


def _is_its(client_id: int) -> ColumnElement[bool]:
    return exists().where(
        OrganizationMapping.client_id == client_id,
        OrganizationMapping.connection_id == Alert.connection_id,
        OrganizationMapping.external_id == Alert.organization_external_id,
    )


def _count(
    session: Session, column: InstrumentedAttribute[int], *conditions: ColumnElement[bool]
) -> int:
    return session.scalar(select(func.count(column)).where(*conditions)) or 0
