"""Forgetting a client: it is marked, everything of it is erased, and a number is left.

From the first moment on the client is inactive and its organizations are excluded, so that no poll
writes anything new of it. The row stays under a number for the audit log, and so do the
organizations, because Huntress goes on listing them: excluded, without their names.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.retention.words import words_to_find
from webapp.models import (
    Asset,
    AuditEvent,
    Client,
    ClientMute,
    Connection,
    Erasure,
    OrganizationMapping,
    Ticket,
)
from webapp.services.audit import record_event
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.errors import FieldError
from webapp.services.lookups import get_row
from webapp.services.mapping.drop_reports import drop_reports
from webapp.services.retention.batches import delete_rows
from webapp.services.retention.client_scope import is_of_client, refuse_in_use
from webapp.services.retention.erase_client import erase_assets, erase_incidents, erase_tickets
from webapp.services.retention.erase_names import erase_names, erase_views
from webapp.services.retention.erasures import (
    CLIENT,
    begin_erasure,
    finish_erasure,
    hold_erasure,
    wipe_finished,
)
from webapp.services.retention.wipe import merge_search_index, overwrite_deleted
from webapp.services.transactions import transaction


def begin_forgetting_client(
    client_id: int, *, typed_name: str, actor_id: int | None = None
) -> Erasure:
    """Mark a client as being forgotten, and exclude its organizations, in one transaction.

    `go_on_forgetting_client` does the rest. Raises FieldError where the typed name is not the
    client's, RefusedError while routing or a policy uses the client or if it was forgotten already,
    and NotFoundError; nothing is changed then.
    """
    with transaction() as session:
        connections = session.scalars(select(Connection.id).order_by(Connection.id)).all()
        session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
        client = get_row(session, Client, client_id, f"There is no client {client_id}.", lock=True)
        if " ".join(typed_name.split()) != client.name:
            raise FieldError({"name": f"Type the client's name as it is written: {client.name}"})
        refuse_in_use(session, client_id)
        names = [client.name]
        for connection_id in connections:
            names += _exclude(session, connection_id, client_id, actor_id)
        erasure = begin_erasure(session, CLIENT, client_id, words_to_find(names), actor_id)
        client.is_active = False
        _record(session, "client.forgetting", client_id, actor_id)
        return erasure


def go_on_forgetting_client(erasure: Erasure) -> None:
    """Erase what is left of the client, and finish; does nothing once that is done."""
    is_done = False
    while not is_done:
        erase_tickets(erasure)
        erase_incidents(erasure)
        erase_assets(erasure)
        erase_views(erasure)
        erase_names(erasure, forgotten_name(erasure.subject_id))
        merge_search_index()
        is_done = _finish(erasure.id, clock.utcnow())
    wipe_finished()


def forgotten_name(client_id: int) -> str:
    """What a client is called once it is forgotten."""
    return f"Forgotten client {client_id}"


def _exclude(
    session: Session, connection_id: int, client_id: int, actor_id: int | None
) -> list[str]:
    """Exclude the client's organizations of a connection; return their names."""
    rows = _organizations(session, client_id, connection_id)
    for row in rows:
        row.creates_tickets = False
        row.is_auto_matched = False
        row.decided_by_person_at = row.updated_at = clock.utcnow()
        row.changed_by_id = actor_id
        row.version += 1
    session.flush()
    drop_reports(session, connection_id, {row.external_id for row in rows})
    return [row.name for row in rows if row.is_name_known]


def _organizations(
    session: Session, client_id: int, connection_id: int | None = None
) -> list[OrganizationMapping]:
    query = select(OrganizationMapping).where(OrganizationMapping.client_id == client_id)
    if connection_id is not None:
        query = query.where(OrganizationMapping.connection_id == connection_id)
    return list(session.scalars(query.order_by(OrganizationMapping.id).with_for_update()))


def _finish(erasure_id: int, now: datetime) -> bool:
    """Finish unless somebody gave the client a ticket or an asset meanwhile."""
    with transaction() as session:
        erasure = hold_erasure(session, erasure_id)
        if erasure is None:
            return True
        overwrite_deleted(session)
        session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
        client = session.get_one(
            Client, erasure.subject_id, populate_existing=True, with_for_update=True
        )
        if _has_more(session, client.id):
            return False
        organizations = _organizations(session, client.id)
        for row in organizations:
            _forget_organization(session, row, now)
        _leave_candidates(session, client.id)
        delete_rows(session, ClientMute, ClientMute.client_id == client.id)
        client.name = forgotten_name(client.id)
        client.is_active, client.notes, client.external_reference = False, "", None
        _redact_own(session, client.id)
        counts = {**erasure.counts, "organizations": len(organizations)}
        erasure.counts = counts
        finish_erasure(erasure, now)
        _record(session, "client.forgotten", client.id, erasure.requested_by_id, **counts)
        return True


def _has_more(session: Session, client_id: int) -> bool:
    tickets = select(Ticket.id).where(is_of_client(client_id))
    assets = select(Asset.id).where(Asset.client_id == client_id)
    return any(session.scalar(query.limit(1)) is not None for query in (tickets, assets))


def _forget_organization(session: Session, row: OrganizationMapping, now: datetime) -> None:
    row.name = f"Forgotten organization {row.external_id}"
    row.is_name_known = True  # so that no poll asks for it
    row.client_id = row.candidate_ids = row.agents_count = row.last_incident_at = None
    row.erased_at = row.updated_at = now
    row.version += 1
    redact_events(
        session,
        [AuditEvent.subject_type == "organization", AuditEvent.subject_id == row.external_id],
    )


def _leave_candidates(session: Session, client_id: int) -> None:
    """Take the client out of the clients that other organizations might belong to."""
    query = select(OrganizationMapping).where(OrganizationMapping.candidate_ids.is_not(None))
    for row in session.scalars(query.order_by(OrganizationMapping.id)):
        if client_id in (row.candidate_ids or ()):
            row.candidate_ids = [one for one in row.candidate_ids or () if one != client_id]


def _redact_own(session: Session, client_id: int) -> None:
    redact_events(
        session,
        [AuditEvent.subject_type == CLIENT, AuditEvent.subject_id == str(client_id)],
    )


def _record(
    session: Session, action: str, client_id: int, actor_id: int | None, **after: Any
) -> None:
    record_event(
        session,
        action=action,
        subject_type=CLIENT,
        subject_id=client_id,
        after=after or None,
        actor_id=actor_id,
    )
