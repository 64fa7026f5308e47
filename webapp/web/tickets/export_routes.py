"""The ticket list as a CSV file."""

from flask import request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.security.events import Export
from webapp.services.tickets.export_tickets_csv import export_ticket_list
from webapp.web.access import signed_in
from webapp.web.csv_files import stream_csv
from webapp.web.person_limits import exporting
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_query import read_query
from webapp.web.viewer import require_viewer


@tickets.get("/tickets/export")
@signed_in
@exporting
def export() -> ResponseReturnValue:
    """Send all pages of what the list shows as a CSV file, while they are read."""
    query, _ = read_query(request.args, require_viewer().id)
    name = f"tickets-{'closed' if query.is_closed else 'open'}-{clock.utcnow():%Y-%m-%d}.csv"
    return stream_csv(Export.TICKETS, name, export_ticket_list(query))
