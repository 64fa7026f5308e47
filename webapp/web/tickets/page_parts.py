"""What the page of a ticket shows beside the ticket itself, by the name its templates use."""

from typing import Any

from webapp.services.tickets.read_ticket import TicketView
from webapp.services.tickets.undo_offers import undo_offers_of
from webapp.web.viewer import Viewer


def page_parts(view: TicketView, viewer: Viewer) -> dict[str, Any]:
    """The parts of the page of `view` as `viewer` sees it."""
    return {
        "undo_offers": undo_offers_of(
            view.ticket, view.comments, viewer_id=viewer.id, is_admin=viewer.is_admin
        ),
    }
