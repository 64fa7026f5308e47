"""Filling in, with a note, the details that were missing when a ticket was written."""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Incident
from webapp.domain.markdown_text import escape_line
from webapp.domain.ticket_text import build_body, build_title
from webapp.models import Alert, Comment, Ticket
from webapp.services.desk.link_assets import AssetLinker
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.fetch_details import fetch_details
from webapp.services.polling.incident_batch import BatchContext
from webapp.services.polling.reports.read_facts import write_facts
from webapp.services.transactions import FOR_CHANGE, reading, transaction

BATCH = 100


def fill_details(cycle: Cycle) -> None:
    """Fetch the details that tickets still lack, and complete the tickets that have them now.

    Raises LeaseLostError.
    """
    _note_pending(cycle)
    fetch_details(cycle)
    last_id: int | None = 0
    while last_id is not None:
        last_id = _fill_batch(cycle, last_id)


def _note_pending(cycle: Cycle) -> None:
    with reading() as session:
        rows = session.execute(
            select(Alert.agent_external_id, Alert.organization_external_id).where(
                Alert.connection_id == cycle.connection.id, Alert.details_pending
            )
        ).all()
    cycle.wanted_agents |= {row.agent_external_id for row in rows if row.agent_external_id}
    cycle.wanted_organizations |= {
        row.organization_external_id for row in rows if row.organization_external_id
    }


def _fill_batch(cycle: Cycle, after_id: int) -> int | None:
    """Look at up to BATCH alerts; return the id of the last one, or None when none was left."""
    with transaction() as session:
        cycle.lease.fence(session)
        alerts = session.scalars(
            select(Alert)
            .where(
                Alert.connection_id == cycle.connection.id,
                Alert.details_pending,
                Alert.id > after_id,
            )
            .order_by(Alert.id)
            .limit(BATCH)
        ).all()
        incidents = {
            alert.id: report for alert in alerts if (report := alert.read_report()) is not None
        }
        context = BatchContext(session, cycle, incidents.values())
        linker = AssetLinker(session, cycle.connection.id, clock.utcnow())
        for alert in alerts:
            incident = incidents.get(alert.id)
            if incident is None:
                alert.details_pending = False
            elif not context.is_pending(incident):
                _complete(session, context, linker, alert, incident)
        session.flush()
        linker.write()
        if not alerts:
            clear_pending_flag(session, cycle)
        return alerts[-1].id if alerts else None


def clear_pending_flag(session: Session, cycle: Cycle) -> None:
    """Note, in the caller's fenced transaction, when no ticket lacks anything any more."""
    lacks = or_(Alert.details_pending, Alert.remediations_due_at.is_not(None))
    pending = session.scalar(
        select(exists().where(Alert.connection_id == cycle.connection.id, lacks))
    )
    if not pending:
        cycle.lease.fence(session, has_pending_details=False)


def _complete(
    session: Session, context: BatchContext, linker: AssetLinker, alert: Alert, incident: Incident
) -> None:
    alert.details_pending = False
    agent = context.agent(incident)
    alert.device_name = agent.hostname if agent else None
    if alert.ticket_id is None:
        return
    # Locked and read anew: a person may be editing the text at this moment.
    ticket = session.get_one(
        Ticket, alert.ticket_id, with_for_update=FOR_CHANGE, populate_existing=True
    )
    write_facts(alert, incident, ticket)
    now = ticket.updated_at = clock.utcnow()
    texts = context.ticket_context(incident, is_unmapped=ticket.is_unmapped)
    if ticket.text_edited_by_person_at is None:
        ticket.description = build_body(incident, texts)
        ticket.title = build_title(incident, is_unmapped=ticket.is_unmapped)
    if agent is not None and not ticket.is_unmapped:
        linker.add(ticket.id, ticket.client_id, agent)
    known = [texts.agent and texts.agent.hostname, texts.organization_name]
    names = ", ".join(escape_line(name) for name in known if name)
    body = (
        "Huntress does not know this host."
        if texts.is_agent_unknown
        else f"Details were filled in: {names or 'Huntress states no name'}."
    )
    session.add(Comment(ticket_id=ticket.id, body=body, created_at=now))
