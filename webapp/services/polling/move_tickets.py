"""Moving open tickets off triage once their organizations have a client."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Row, Select, exists, func, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Incident
from webapp.domain.markdown_text import escape_line
from webapp.domain.ticket_text import build_body, build_title, without_unmapped_marks
from webapp.models import Alert, Client, Comment, Connection, OrganizationMapping, Ticket
from webapp.models.ticket import MACHINE_WRITTEN
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.link_assets import AssetLinker
from webapp.services.edition import require_enterprise
from webapp.services.lookups import get_connection
from webapp.services.polling.held_connection import HeldConnection, lock_connection
from webapp.services.polling.incident_batch import BatchContext
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import NO_SYNC, reading, transaction

Found: TypeAlias = "Row[Ticket, Alert, OrganizationMapping, Client]"

_ROUTE = ("client_id", "board_id", "category_id", "subcategory_id", "is_unmapped")


@dataclass(frozen=True, slots=True)
class MoveOffer:
    """The offer to move a connection's fallback tickets; `tickets` is how many there are.

    It is declined while a person answered "Not now" for each of them.
    """

    connection_id: int
    connection_name: str
    tickets: int
    is_declined: bool


def list_move_offers(*, client_id: int | None = None) -> list[MoveOffer]:
    """Return the offers of all connections that have tickets to move, by name.

    With `client_id`, only those of connections on which this client has tickets to move.
    """
    with reading() as session:
        counts = _count_movable().add_columns(Connection.id, Connection.name)
        counts = counts.group_by(Connection.id, Connection.name)
        counts = counts.order_by(Connection.name, Connection.id)
        if client_id is not None:
            theirs = select(Ticket.connection_id).where(*_movable(), Client.id == client_id)
            counts = counts.where(Connection.id.in_(theirs))
        rows = session.execute(counts).all()
    return [MoveOffer(key, name, tickets, not asked) for tickets, asked, key, name in rows]


def read_move_offer(connection_id: int) -> MoveOffer | None:
    """Return the offer of a connection, or None where no ticket can be moved."""
    with reading() as session:
        name = session.scalar(select(Connection.name).where(Connection.id == connection_id))
        offer = _read_offer(session, connection_id, name or "")
    return offer if offer.tickets else None


def decline_move(connection_id: int, *, actor_id: int) -> None:
    """Answer "Not now": the offer comes back when there is another ticket to move.

    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        get_connection(session, connection_id, lock=True)
        declined = list(
            session.scalars(
                select(Ticket.id)
                .where(*_movable(connection_id), Ticket.is_move_declined.is_(False))
                .order_by(Ticket.id)
                .with_for_update(of=Ticket, key_share=True)
            )
        )
        if not declined:
            return
        session.execute(
            update(Ticket).where(Ticket.id.in_(declined)).values(is_move_declined=True),
            execution_options=NO_SYNC,
        )
        record_event(
            session,
            action="ticket_move.declined",
            subject_type="connection",
            subject_id=connection_id,
            after={"tickets": len(declined)},
            actor_id=actor_id,
        )


def count_movable_tickets(connection_id: int) -> int:
    """Return how many tickets `move_tickets` would move now."""
    offer = read_move_offer(connection_id)
    return offer.tickets if offer else 0


def _read_offer(session: Session, connection_id: int, name: str) -> MoveOffer:
    tickets, asked = session.execute(count_movable(connection_id)).one()
    return MoveOffer(connection_id, name, tickets, is_declined=not asked)


def count_movable(connection_id: int) -> Select[int, int]:
    """Return the query for the number of tickets to move, and of those nobody declined to move."""
    return _count_movable().where(Ticket.connection_id == connection_id)


def _count_movable() -> Select[int, int]:
    has_client = exists().where(*_has_client()).correlate(Ticket)
    is_asked = Ticket.is_move_declined.is_(False)
    return select(func.count(Ticket.id), func.count(Ticket.id).filter(is_asked)).where(
        *_on_triage(), has_client
    )


def move_tickets(
    connection_id: int, *, organization_ids: Collection[str] | None = None, actor_id: int
) -> int:
    """Move open fallback tickets of organizations that have an active client; return how many.

    A ticket is moved if it is still on the fallback client *and* the fallback board. It gets the
    client, the security board, its category and asset, a title and body without the warning (unless
    a person edited them), an internal note and an audit event, all in one transaction. Moving a
    ticket does not count as touching it. `organization_ids` limits the move to these organizations.
    Tickets of reports that could not be read stay where they are and are moved when their report
    can be read.
    Raises RefusedError where routing is incomplete, NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        held = lock_connection(session, connection_id)
        query = select(Ticket, Alert, OrganizationMapping, Client).where(*_movable(connection_id))
        if organization_ids is not None:
            query = query.where(OrganizationMapping.external_id.in_(organization_ids))
        query = query.order_by(Ticket.id).with_for_update(of=Ticket, key_share=True)
        found = session.execute(query.execution_options(populate_existing=True)).all()
        _Mover(session, held, found, actor_id).move()
        return len(found)


class _Mover:
    def __init__(
        self, session: Session, held: HeldConnection, found: Sequence[Found], actor_id: int
    ) -> None:
        self.session = session
        self.held = held
        self.found = found
        self.actor_id = actor_id
        self.now: datetime = clock.utcnow()
        self.incidents = {row.Ticket.id: _incident(row.Alert) for row in found}
        known = [incident for incident in self.incidents.values() if incident is not None]
        self.context = BatchContext(session, held, known)
        self.linker = AssetLinker(session, held.connection.id, self.now)

    def move(self) -> None:
        for row in self.found:
            self._move(row.Ticket, row.OrganizationMapping, row.Client)
        moved = [Changed(row.Ticket.id) for row in self.found]
        tell_watchers(self.session, moved, actor_id=self.actor_id, now=self.now)
        self.linker.write()

    def _move(self, ticket: Ticket, organization: OrganizationMapping, client: Client) -> None:
        before = {name: getattr(ticket, name) for name in _ROUTE}
        connection, incident = self.held.connection, self.incidents[ticket.id]
        ticket.client_id, ticket.board_id = client.id, connection.ticket_settings.board
        ticket.category_id = connection.category_id
        ticket.subcategory_id = connection.subcategory_id
        ticket.is_unmapped = False
        ticket.updated_at = self.now
        if ticket.text_edited_by_person_at is None:
            ticket.title, ticket.description = self._texts(ticket, incident)
        agent = self.context.agent(incident) if incident else None
        if agent is not None:
            self.linker.add(ticket.id, client.id, agent)
        words = (
            f"Moved off triage: the Huntress organization {escape_line(organization.name)} "
            f"is mapped to {escape_line(client.name)} now."
        )
        self.session.add(
            Comment(
                ticket_id=ticket.id,
                author_id=self.actor_id,
                body=words,
                created_at=self.now,
                details={MACHINE_WRITTEN: True},
            )
        )
        changed = changes_between(before, {name: getattr(ticket, name) for name in _ROUTE})
        record_event(
            self.session,
            action="ticket.moved",
            subject_type="ticket",
            subject_id=ticket.id,
            before=changed[0],
            after=changed[1],
            actor_id=self.actor_id,
        )

    def _texts(self, ticket: Ticket, incident: Incident | None) -> tuple[str, str]:
        """Build title and body from the report; without one, only remove the warning from both."""
        if incident is None:
            return without_unmapped_marks(ticket.title, ticket.description)
        context = self.context.ticket_context(incident, is_unmapped=False)
        return build_title(incident, is_unmapped=False), build_body(incident, context)


def _incident(alert: Alert) -> Incident | None:
    """Return the alert's incident, or None where its report is not kept or not readable."""
    incident = alert.read_report()
    return incident if incident and incident.id == alert.external_alert_id else None


def _movable(connection_id: int | None = None) -> list[ColumnElement[bool]]:
    """The conditions for tickets to move: open, on triage, of an organization with a client."""
    of_connection = [] if connection_id is None else [Ticket.connection_id == connection_id]
    return [*of_connection, *_on_triage(), *_has_client()]


def _on_triage() -> list[ColumnElement[bool]]:
    """The conditions for open tickets that are still on the fallback client and board.

    They join Ticket to Connection.
    """
    return [
        Ticket.is_unmapped.is_(True),
        Ticket.closed_at.is_(None),
        Connection.id == Ticket.connection_id,
        Ticket.client_id == Connection.fallback_client_id,
        Ticket.board_id == Connection.fallback_board_id,
    ]


def _has_client() -> list[ColumnElement[bool]]:
    """The conditions that join a ticket to its alert, its organization and its active client."""
    return [
        Alert.ticket_id == Ticket.id,
        Alert.is_incomplete.is_(False),
        OrganizationMapping.connection_id == Ticket.connection_id,
        OrganizationMapping.external_id == Alert.organization_external_id,
        Client.id == OrganizationMapping.client_id,
        Client.is_active.is_(True),
    ]
