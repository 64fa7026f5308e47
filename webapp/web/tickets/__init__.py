"""The ticket list, the page of a ticket, new tickets, recorded incidents."""

from webapp.web.tickets import (  # noqa: F401 - each registers its routes
    attachment_routes,
    bulk_routes,
    display_routes,
    edit_routes,
    export_routes,
    find_routes,
    incident_routes,
    link_routes,
    list_routes,
    live_routes,
    new_routes,
    note_routes,
    row_words,
    runbook_routes,
    take_routes,
    ticket_routes,
    view_routes,
    wait_routes,
    watch_routes,
)
from webapp.web.tickets.blueprint import tickets

BLUEPRINTS = (tickets,)
