"""The pages of tickets: the list and what belongs to it, one ticket, recorded incidents."""

from webapp.web.tickets import bulk_routes, export_routes, list_routes, view_routes  # noqa: F401
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.edit_routes import add_edit_routes
from webapp.web.tickets.incident_routes import add_incident_routes
from webapp.web.tickets.new_routes import add_new_ticket_routes
from webapp.web.tickets.ticket_routes import add_ticket_routes

__all__ = ["tickets"]

add_new_ticket_routes(tickets)
add_ticket_routes(tickets)
add_edit_routes(tickets)
add_incident_routes(tickets)
