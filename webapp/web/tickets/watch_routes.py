"""Watching a ticket, and marking what the bell tells of it as read."""

from flask import redirect
from flask.typing import ResponseReturnValue

from webapp.services.notices.bell.read_bell import mark_read
from webapp.services.tickets.watching.watch_ticket import unwatch_ticket, watch_ticket
from webapp.web.access import for_oneself, signed_in
from webapp.web.answers import SEE_OTHER, done
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import ticket_url
from webapp.web.viewer import require_viewer


@tickets.post("/tickets/<int:ticket_id>/watch")
@signed_in
def watch(ticket_id: int) -> ResponseReturnValue:
    """Watch the ticket."""
    watch_ticket(ticket_id, require_viewer().id)
    return done("You watch this ticket: your bell tells what changes.", ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/unwatch")
@signed_in
def unwatch(ticket_id: int) -> ResponseReturnValue:
    """No longer watch the ticket."""
    unwatch_ticket(ticket_id, require_viewer().id)
    return done("You do not watch this ticket any more.", ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/read")
@for_oneself
def mark_as_read(ticket_id: int) -> ResponseReturnValue:
    """Mark what the viewer's bell tells of the ticket as read; its page does so by itself."""
    mark_read(require_viewer().id, ticket_id=ticket_id)
    return redirect(ticket_url(ticket_id), SEE_OTHER)
