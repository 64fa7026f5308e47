"""The ticket list as a CSV file that is written while it is read, a batch at a time."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.csv_text import BYTE_ORDER_MARK, csv_time, write_csv_line
from webapp.domain.triage.incident_kinds import kind_words
from webapp.models import Alert, Connection, OrganizationMapping, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.lookups import LARGEST_ID
from webapp.services.portal_links import incident_url
from webapp.services.tickets.filter_choices import drop_unknown, read_choices
from webapp.services.tickets.list_incidents import same_organization
from webapp.services.tickets.rows.ticket_rows import load_tickets
from webapp.services.tickets.ticket_filters import (
    TicketQuery,
    build_conditions,
    find_searched,
    in_tab,
)
from webapp.services.transactions import reading

COLUMNS = (
    *("Number", "Title", "Client", "Board", "Status", "Priority", "Assignee", "Source"),
    *("Huntress severity", "Huntress status", "Huntress organization", "Incident"),
    *("Huntress portal link", "PSA reference", "PSA link"),
    *("Reported (UTC)", "Created (UTC)", "Changed (UTC)", "First touched (UTC)", "Closed (UTC)"),
    *("Close reason", "Waits until (UTC)", "Touch due (UTC)", "Close due (UTC)"),
    *("Kinds", "Host or identity", "User", "Isolated", "Steps", "Steps left", "Severity raised to"),
)


def export_ticket_list(query: TicketQuery) -> Iterator[str]:
    """The tickets that `query` lists as lines of CSV, oldest first; the first line is COLUMNS.

    Drills are left out, as such files end up in statistics.
    Reads EXPORT_BATCH tickets at a time, each batch in its own view, so memory does not grow with
    the number of tickets. A ticket that changes meanwhile is written as it is when its batch is
    read. A search leaves no ticket out, however many it finds.
    """
    yield BYTE_ORDER_MARK + write_csv_line(COLUMNS)
    for ids in _batches(query):
        with reading() as session:
            tickets = load_tickets(session, ids)
            incidents = _incidents(session, ids)
            lines = [_line(ticket, incidents.get(ticket.id)) for ticket in tickets]
            session.expunge_all()  # tickets that were written need no memory
        yield "".join(lines)


def _batches(query: TicketQuery) -> Iterator[Sequence[int]]:
    """The ids that `query` lists, lowest first, EXPORT_BATCH at a time."""
    now = clock.utcnow()
    with reading() as session:
        query, _ = drop_unknown(query, read_choices(session, query))
        conditions = [*build_conditions(query, now, session), is_no_drill()]
        found = find_searched(session, query, conditions, limit=LARGEST_ID - 1)
    if found is not None:
        left = reversed(found.ids)
        while batch := list(islice(left, EXPORT_BATCH)):
            yield batch
        return
    last_id = 0
    while True:
        with reading() as session:
            ids = session.scalars(
                select(Ticket.id)
                .where(in_tab(query.is_closed), *conditions, Ticket.id > last_id)
                .order_by(Ticket.id)
                .limit(EXPORT_BATCH)
            ).all()
        if ids:
            yield ids
        if len(ids) < EXPORT_BATCH:
            return
        last_id = ids[-1]


def _incidents(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    """What the file says of the incident behind each ticket, by the ticket's id."""
    found = session.execute(
        select(
            Alert.ticket_id,
            Alert.severity,
            Alert.status,
            Alert.organization_external_id,
            Alert.triggered_at,
            OrganizationMapping.name.label("organization"),
            Connection.subdomain,
            Connection.portal_template,
        )
        .join(Connection, Connection.id == Alert.connection_id)
        .outerjoin(OrganizationMapping, same_organization())
        .where(Alert.ticket_id.in_(ids))
        .order_by(Alert.id.desc())
    )
    return {row.ticket_id: row for row in found}


def _line(ticket: Ticket, incident: Any) -> str:
    times = (ticket.created_at, ticket.updated_at, ticket.first_touched_at, ticket.closed_at)
    clocks = (ticket.waiting_until, ticket.touch_due_at, ticket.close_due_at)
    return write_csv_line(
        (
            ticket.number,
            ticket.title,
            ticket.client.name,
            ticket.board.name,
            ticket.status.name,
            ticket.priority.name,
            ticket.assignee.name if ticket.assignee else "",
            ticket.source,
            incident and incident.severity,
            incident and incident.status,
            incident and (incident.organization or incident.organization_external_id),
            ticket.source_reference,
            incident
            and incident_url(
                ticket.source_reference,
                incident.organization_external_id,
                subdomain=incident.subdomain,
                chosen=incident.portal_template,
            ),
            ticket.external_reference,
            ticket.external_url,
            *(csv_time(time) for time in (incident and incident.triggered_at, *times)),
            ticket.close_reason,
            *(csv_time(time) for time in clocks),
            ", ".join(map(kind_words, ticket.kinds or ())),
            ticket.subject_name,
            ticket.subject_user,
            "" if ticket.is_isolated is None else ("yes" if ticket.is_isolated else "no"),
            ticket.steps_total,
            ticket.steps_left,
            ticket.raised_severity,
        )
    )
