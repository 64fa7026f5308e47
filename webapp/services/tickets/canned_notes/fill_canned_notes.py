"""Canned notes with the values of a ticket in them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.runbooks.canned_notes import fill_placeholders
from webapp.domain.triage.subjects import is_host
from webapp.models import CannedNote, Client, Ticket
from webapp.services.lookups import get_row
from webapp.services.portal_links import incident_url
from webapp.services.tickets.read_incident import FoundIncident, read_incident
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class FilledNote:
    """A canned note as it is put into the note of a ticket."""

    id: int
    name: str
    body: str


@dataclass(frozen=True, slots=True)
class FilledNotes:
    """The canned notes in their order, filled in for a ticket."""

    ticket_id: int
    number: str
    notes: list[FilledNote]

    def body_of(self, note_id: int | None) -> str:
        """The text of a canned note; empty if there is no such note."""
        return next((one.body for one in self.notes if one.id == note_id), "")


def fill_canned_notes(ticket_id: int, *, my_name: str) -> FilledNotes:
    """All canned notes for a ticket and the person who writes; raises NotFoundError."""
    with reading() as session:
        ticket = get_row(session, Ticket, ticket_id, "There is no such ticket.")
        values = _values_of(session, ticket, my_name)
        found = session.scalars(select(CannedNote).order_by(CannedNote.position, CannedNote.id))
        notes = [FilledNote(one.id, one.name, fill_placeholders(one.body, values)) for one in found]
        return FilledNotes(ticket.id, ticket.number, notes)


def _values_of(session: Session, ticket: Ticket, my_name: str) -> Mapping[str, str | None]:
    found = read_incident(session, ticket)
    incident = found.incident
    return {
        "host": _host(ticket, found),
        "user": ticket.subject_user,
        "client": session.scalars(select(Client.name).where(Client.id == ticket.client_id)).one(),
        "organization": _organization(found),
        "number": ticket.number,
        "severity": incident.severity if incident else None,
        "portal_link": incident_url(
            ticket.source_reference if ticket.connection_id else None,
            incident.organization_id if incident else None,
            subdomain=found.subdomain,
            chosen=found.portal_template,
        ),
        "my_name": my_name,
    }


def _host(ticket: Ticket, found: FoundIncident) -> str | None:
    """The machine of the incident, else the one that the ticket is said to be about."""
    if found.incident is not None and found.incident.host:
        return found.incident.host
    return ticket.subject_name if is_host(ticket.subject_key) else None


def _organization(found: FoundIncident) -> str | None:
    incident = found.incident
    return (incident.organization_name or incident.organization_id) if incident else None
