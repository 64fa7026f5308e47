"""The ticket list as a CSV file that is written while it is read, a batch at a time."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.csv_text import BYTE_ORDER_MARK, write_csv_line
from webapp.models import Alert, Ticket
from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.tickets.filter_choices import drop_unknown, read_choices
from webapp.services.tickets.list_tickets import load_tickets
from webapp.services.tickets.ticket_filters import (
    TicketQuery,
    build_conditions,
    find_searched,
    in_tab,
)
from webapp.services.transactions import reading

COLUMNS = (
    *("Number", "Title", "Client", "Board", "Status", "Priority", "Assignee", "Source"),
    *("Huntress severity", "Huntress status", "Incident", "External reference", "External link"),
    *("Created (UTC)", "Changed (UTC)", "First touched (UTC)", "Closed (UTC)"),
)


def export_ticket_list(query: TicketQuery) -> Iterator[str]:
    """The tickets that `query` lists as lines of CSV, oldest first; the first line is COLUMNS.

    Reads EXPORT_BATCH tickets at a time, each batch in its own view, so memory does not grow with
    the number of tickets. A ticket that changes meanwhile is written as it is when its batch is
    read.
    """
    now = clock.utcnow()
    with reading() as session:
        query, _ = drop_unknown(query, read_choices(session, query))
        matches = find_searched(session, query)
    yield BYTE_ORDER_MARK + write_csv_line(COLUMNS)
    last_id = 0
    while True:
        with reading() as session:
            conditions = build_conditions(query, now, matches)
            ids = session.scalars(
                select(Ticket.id)
                .where(in_tab(query.is_closed), *conditions, Ticket.id > last_id)
                .order_by(Ticket.id)
                .limit(EXPORT_BATCH)
            ).all()
            tickets = load_tickets(session, ids)
            alerts = _alerts(session, ids)
            session.expunge_all()  # tickets that were written need no memory
        yield "".join(_line(ticket, alerts.get(ticket.id)) for ticket in tickets)
        if len(ids) < EXPORT_BATCH:
            return
        last_id = ids[-1]


def _alerts(
    session: Session, ids: Sequence[int]
) -> dict[int | None, tuple[str | None, str | None]]:
    found = session.execute(
        select(Alert.ticket_id, Alert.severity, Alert.status)
        .where(Alert.ticket_id.in_(ids))
        .order_by(Alert.id.desc())
    )
    return {ticket_id: (severity, status) for ticket_id, severity, status in found}


def _line(ticket: Ticket, alert: tuple[str | None, str | None] | None) -> str:
    severity, status = alert or (None, None)
    times = (ticket.created_at, ticket.updated_at, ticket.first_touched_at, ticket.closed_at)
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
            severity,
            status,
            ticket.source_reference,
            ticket.external_reference,
            ticket.external_url,
            *(f"{time:%Y-%m-%d %H:%M:%S}" if time else "" for time in times),
        )
    )
