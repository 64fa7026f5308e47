"""What the page of a ticket shows beside the ticket itself, by the name its templates use."""

from typing import Any

from webapp.services.tickets.read_ticket import TicketView
from webapp.services.tickets.runbooks.read_checklists import read_checklists
from webapp.web.viewer import Viewer


def page_parts(view: TicketView, viewer: Viewer) -> dict[str, Any]:
    """The parts of the page of `view` as `viewer` sees it."""
    return {"checklists": read_checklists(view.ticket.id)}
