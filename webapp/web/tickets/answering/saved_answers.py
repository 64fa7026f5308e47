"""Leading back to a ticket after something was saved, and telling what others did meanwhile."""

from datetime import datetime

from flask import redirect
from flask.typing import ResponseReturnValue

from webapp.services.tickets.collisions.read_meanwhile import tell_meanwhile
from webapp.web.answers import SEE_OTHER, done
from webapp.web.tickets.list_origin import ticket_url
from webapp.web.viewer import require_viewer


def answer_change(
    ticket_id: int, seen_at: datetime, sentences: tuple[str, ...]
) -> ResponseReturnValue:
    """Lead to the ticket after a change; `seen_at` is when the ticket had changed in the form."""
    words, first = tell_meanwhile(ticket_id, seen_at, viewer_id=require_viewer().id)
    if words:
        start = "Saved." if sentences else "Nothing was changed."
        return done(f"{start} {words}", _url_of_new(ticket_id, first, seen_at))
    text = "The ticket was updated." if sentences else "Nothing was changed."
    return done(text, ticket_url(ticket_id))


def answer_note(ticket_id: int, note_id: int, seen_at: datetime | None) -> ResponseReturnValue:
    """Lead to the note that was added, or to what others wrote before it."""
    if seen_at is not None:
        words, first = tell_meanwhile(ticket_id, seen_at, viewer_id=require_viewer().id)
        if words:
            url = _url_of_new(ticket_id, first, seen_at)
            return done(f"Your note was added. {words}", url)
    return redirect(ticket_url(ticket_id, f"entry-{note_id}"), SEE_OTHER)


def _url_of_new(ticket_id: int, first: int | None, seen_at: datetime) -> str:
    """The address of the first entry that is new; the page marks all of them."""
    return ticket_url(ticket_id, f"entry-{first}", since=seen_at.isoformat())
