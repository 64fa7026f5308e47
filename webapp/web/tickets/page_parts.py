"""What the page of a ticket shows beside the ticket itself, by the name its templates use."""

from typing import Any

from flask import request

from webapp.domain.triage.ticket_link import CHOICE_WORDS
from webapp.extensions import current_config
from webapp.services.tickets.attachments.read_attachments import read_ticket_files
from webapp.services.tickets.indicators.read_indicators import read_indicators
from webapp.services.tickets.live.who_is_here import LOOKING, meet
from webapp.services.tickets.notes.mention_people import mention_book, mentionable
from webapp.services.tickets.read_ticket import TicketView
from webapp.services.tickets.runbooks.read_checklists import read_checklists
from webapp.services.tickets.undo_offers import undo_offers_of
from webapp.services.tickets.watching.read_watchers import watchers_of
from webapp.web.viewer import Viewer


def page_parts(view: TicketView, viewer: Viewer) -> dict[str, Any]:
    """The parts of the page of `view` as `viewer` sees it."""
    people = mention_book(one.user for one in view.people)
    return {
        "indicators": read_indicators(view.ticket.id) if view.ticket.connection_id else (),
        "link_choices": CHOICE_WORDS,
        "link_typed": request.form if request.endpoint == "tickets.add_link" else {},
        "files": read_ticket_files(view.ticket.id, [entry.id for entry in view.comments]),
        "file_limits": current_config().file_limits,
        "checklists": read_checklists(view.ticket.id),
        "watchers": watchers_of(view.people, viewer.id),
        "people_named": people,
        "mentionable": mentionable(people),
        "here": meet(view.ticket.id, viewer.id, viewer.name, LOOKING),
        "undo_offers": undo_offers_of(
            view.ticket, view.comments, viewer_id=viewer.id, is_admin=viewer.is_admin
        ),
    }
