"""The ticket list; the pages of one ticket are registered here too."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services.list_tickets import list_tickets
from webapp.web.access import signed_in
from webapp.web.tickets.edit_ticket import add_edit_routes
from webapp.web.tickets.forms import read_query
from webapp.web.tickets.incidents import add_incident_routes
from webapp.web.tickets.list_links import SORT_WORDS, ListLinks, assignee_pairs
from webapp.web.tickets.new_ticket import add_new_ticket_routes
from webapp.web.tickets.ticket_page import add_ticket_routes
from webapp.web.viewer import require_viewer

tickets = Blueprint("tickets", __name__, url_prefix="/tickets")
add_new_ticket_routes(tickets)
add_ticket_routes(tickets)
add_edit_routes(tickets)
add_incident_routes(tickets)


@tickets.get("")
@signed_in
def show_list() -> ResponseReturnValue:
    """The list; its address holds the filters, the order and the page."""
    viewer_id = require_viewer().id
    query = read_query(request.args, viewer_id)
    page = list_tickets(query)
    return render_template(
        "tickets/list.html",
        query=query,
        page=page,
        links=ListLinks(request.args),
        people=assignee_pairs(page.choices.users, viewer_id),
        sorts=list(SORT_WORDS.items()),
    )
