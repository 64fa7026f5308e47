"""What the page of a ticket shows beside the ticket itself, by the name its templates use."""

from typing import Any

from webapp.services.tickets.notes.mention_people import mention_book, mentionable
from webapp.services.tickets.read_ticket import TicketView
from webapp.services.tickets.watching.read_watchers import watchers_of
from webapp.web.viewer import Viewer


def page_parts(view: TicketView, viewer: Viewer) -> dict[str, Any]:
    """The parts of the page of `view` as `viewer` sees it."""
    people = mention_book(one.user for one in view.people)
    return {
        "watchers": watchers_of(view.people, viewer.id),
        "people_named": people,
        "mentionable": mentionable(people),
    }
