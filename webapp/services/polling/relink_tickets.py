"""Choosing the form of a connection's portal links, and giving it to the tickets that exist.

Pages build their links when they are shown. The link in a description is rewritten here, in
batches, unless a person edited the text. The connection's row holds how far that has come, so it
may be interrupted at any time. A poll that runs meanwhile still writes the form before; then the
next poll rewrites, at its end.
"""

import time

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.portal_link import find_template_problem
from webapp.domain.ticket_text import with_portal_link
from webapp.models import Alert, Connection, Ticket
from webapp.services.audit import record_event
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError
from webapp.services.lookups import get_connection
from webapp.services.polling.cycle import Cycle
from webapp.services.portal_links import incident_url
from webapp.services.transactions import reading, transaction

BATCH = 200
AT_ONCE_SECONDS = 3.0
"""How long a person waits for descriptions; polls and housekeeping rewrite the rest."""


def choose_portal_link(connection_id: int, template: str | None, *, actor_id: int) -> bool:
    """Choose the form of the connection's links; None is the install's. True if all is rewritten.

    Choosing is also how a person says that the links are right.
    Raises FieldError (`template`), NotFoundError, EditionError.
    """
    require_enterprise()
    template = template.strip() if template is not None else None
    if template is not None and (problem := find_template_problem(template)):
        raise FieldError({"template": problem})
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        connection.portal_checked_at = clock.utcnow()
        if connection.portal_template != template:
            record_event(
                session,
                action="portal_link.chosen",
                subject_type="connection",
                subject_id=connection_id,
                before={"portal_template": connection.portal_template},
                after={"portal_template": template},
                actor_id=actor_id,
            )
            connection.portal_template, connection.relink_after_id = template, 0
    return relink_tickets(connection_id)


def relink_tickets(connection_id: int, *, seconds: float = AT_ONCE_SECONDS) -> bool:
    """Rewrite descriptions for about so many `seconds`; return whether none is left.

    Nothing is rewritten while a poll runs. Raises NotFoundError.
    """
    ends_at = time.monotonic() + seconds
    while True:
        with transaction() as session:
            connection = get_connection(session, connection_id, lock=True)
            expires_at = connection.lease_expires_at
            is_held = connection.lease_token is not None
            is_polled = is_held and expires_at is not None and expires_at > clock.utcnow()
            if is_polled and connection.relink_after_id is not None:
                return False
            _relink_batch(session, connection)
            is_done = connection.relink_after_id is None
        if is_done or time.monotonic() >= ends_at:
            return is_done


def relink_at_end(cycle: Cycle) -> None:
    """Rewrite what was left when this poll began; it has written its own tickets by now."""
    is_left = cycle.connection.relink_after_id is not None
    while is_left:
        with transaction() as session:
            cycle.lease.fence(session)
            connection = get_connection(session, cycle.connection.id)
            _relink_batch(session, connection)
            is_left = connection.relink_after_id is not None


def relink_waiting() -> None:
    """Rewrite for a while at every connection where descriptions are left, polled or not."""
    with reading() as session:
        waiting = session.scalars(
            select(Connection.id).where(Connection.relink_after_id.is_not(None))
        ).all()
    for connection_id in waiting:
        relink_tickets(connection_id)


def _relink_batch(session: Session, connection: Connection) -> None:
    """Rewrite the next BATCH descriptions and note how far that has come."""
    if connection.relink_after_id is None:
        return
    rows = session.execute(
        select(Ticket, Alert.organization_external_id)
        .outerjoin(
            Alert,
            and_(
                Alert.connection_id == Ticket.connection_id,
                Alert.external_alert_id == Ticket.source_reference,
            ),
        )
        .where(Ticket.connection_id == connection.id, Ticket.id > connection.relink_after_id)
        .order_by(Ticket.id)
        .limit(BATCH)
        .with_for_update(of=Ticket, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for ticket, organization_id in rows:
        url = incident_url(
            ticket.source_reference,
            organization_id,
            subdomain=connection.subdomain,
            chosen=connection.portal_template,
        )
        if url is not None and ticket.text_edited_by_person_at is None:
            ticket.description = with_portal_link(ticket.description, url)
    connection.relink_after_id = rows[-1].Ticket.id if len(rows) == BATCH else None
