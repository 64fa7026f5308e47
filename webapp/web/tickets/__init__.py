"""The ticket list, the page of a ticket, new tickets, recorded incidents."""

from webapp.web.tickets import (  # noqa: F401 - each registers its routes
    bulk_routes,
    display_routes,
    edit_routes,
    export_routes,
    find_routes,
    incident_routes,
    list_routes,
    new_routes,
    row_words,
    take_routes,
    ticket_routes,
    view_routes,
)
from webapp.web.tickets.blueprint import tickets

BLUEPRINTS = (tickets,)
