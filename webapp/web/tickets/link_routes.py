"""Removing links, and closing the parts of a closed case."""

from flask import request
from flask.typing import ResponseReturnValue

from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.tickets.closing.ask_reason import ReasonNeededError
from webapp.services.tickets.links.close_parts import close_parts
from webapp.services.tickets.links.link_tickets import unlink_tickets
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.params import read_number
from webapp.web.tickets.answering.close_page import ask_reason_page, read_answer
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import ticket_url
from webapp.web.viewer import require_viewer


@tickets.post("/tickets/<int:ticket_id>/links/<int:link_id>/remove")
@signed_in
def remove_link(ticket_id: int, link_id: int) -> ResponseReturnValue:
    """Remove a link; one that is gone already is no failure."""
    try:
        sentence = unlink_tickets(ticket_id, link_id, actor_id=require_viewer().id)
    except NotFoundError as error:
        return done(str(error), ticket_url(ticket_id), "error")
    return done(sentence, ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/links/close-parts")
@signed_in
def close_open_parts(ticket_id: int) -> ResponseReturnValue:
    """Close those parts of the closed case that were shown as open.

    A page asks for a reason where Huntress still has something to be done for one of them.
    """
    shown = [number for text in request.form.getlist("part") if (number := read_number(text))]
    try:
        count = close_parts(ticket_id, shown, actor_id=require_viewer().id, answer=read_answer())
    except ReasonNeededError as error:
        return ask_reason_page(error, ticket_url(ticket_id))
    except RefusedError as error:
        return done(str(error), ticket_url(ticket_id), "error")
    words = "1 ticket was closed." if count == 1 else f"{count} tickets were closed."
    return done(words, ticket_url(ticket_id))
