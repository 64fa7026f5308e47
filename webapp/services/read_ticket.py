"""One ticket with everything its page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.domain.ticket_text import build_portal_url
from webapp.extensions import current_config
from webapp.models import (
    Alert,
    Asset,
    Comment,
    Connection,
    Priority,
    Status,
    Ticket,
    TicketAsset,
    User,
)
from webapp.services.errors import NotFoundError
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket, its timeline (oldest first), what it is about, and what it can be changed to.

    `portal_url` is the incident's page at Huntress, None for a ticket without an incident.
    """

    ticket: Ticket
    comments: Sequence[Comment]
    alert: Alert | None
    account_name: str | None
    portal_url: str | None
    assets: Sequence[Asset]
    statuses: Sequence[Status]
    priorities: Sequence[Priority]
    users: Sequence[User]


def read_ticket(ticket_id: int) -> TicketView:
    """Read a ticket's page in one consistent view; raises NotFoundError."""
    with reading() as session:
        ticket = session.scalars(
            select(Ticket)
            .where(Ticket.id == ticket_id)
            .options(joinedload("*"))
            .execution_options(populate_existing=True)
        ).one_or_none()
        if ticket is None:
            raise NotFoundError("There is no such ticket.")
        alert = _alert(session, ticket)
        account_name, portal_url = _origin(session, ticket, alert)
        return TicketView(
            ticket=ticket,
            comments=_comments(session, ticket_id),
            alert=alert,
            account_name=account_name,
            portal_url=portal_url,
            assets=_assets(session, ticket_id),
            statuses=session.scalars(select(Status).order_by(Status.position)).all(),
            priorities=session.scalars(select(Priority).order_by(Priority.position)).all(),
            users=_people(session, ticket),
        )


def _alert(session: Session, ticket: Ticket) -> Alert | None:
    return session.scalars(
        select(Alert).where(Alert.ticket_id == ticket.id).order_by(Alert.id).limit(1)
    ).one_or_none()


def _origin(session: Session, ticket: Ticket, alert: Alert | None) -> tuple[str | None, str | None]:
    """The account's name and the incident's address; credentials are not read."""
    if ticket.connection_id is None:
        return None, None
    name, account_name, subdomain = session.execute(
        select(Connection.name, Connection.account_name, Connection.subdomain).where(
            Connection.id == ticket.connection_id
        )
    ).one()
    reference = ticket.source_reference or ""
    if not reference or reference.startswith("sha256:"):
        return account_name or name, None
    url = build_portal_url(
        subdomain,
        reference,
        organization_id=alert.organization_external_id if alert else None,
        template=current_config().huntress_portal_url,
    )
    return account_name or name, url


def _comments(session: Session, ticket_id: int) -> Sequence[Comment]:
    statement = (
        select(Comment)
        .where(Comment.ticket_id == ticket_id)
        .options(joinedload(Comment.author))
        .order_by(Comment.created_at, Comment.id)
    )
    return session.scalars(statement).all()


def _assets(session: Session, ticket_id: int) -> Sequence[Asset]:
    return session.scalars(
        select(Asset)
        .join(TicketAsset, TicketAsset.asset_id == Asset.id)
        .where(TicketAsset.ticket_id == ticket_id)
        .order_by(Asset.name)
    ).all()


def _people(session: Session, ticket: Ticket) -> Sequence[User]:
    """Who can be assigned: everybody active, and who has the ticket already."""
    return session.scalars(
        select(User)
        .where(or_(User.is_active, User.id == ticket.assignee_id))
        .order_by(func.lower(User.name), User.id)
    ).all()
