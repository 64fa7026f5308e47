"""Letting a ticket wait until a moment."""

from collections.abc import Mapping

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.triage.waiting import WaitChoice, WaitError, wait_until
from webapp.services.errors import FieldError, RefusedError
from webapp.services.tickets.clocks.wait_ticket import end_wait, wait_ticket
from webapp.services.tickets.read_ticket import read_editable
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import kept_origin, list_origin, ticket_url
from webapp.web.viewer import require_viewer, zone_of


@tickets.get("/tickets/<int:ticket_id>/wait")
@signed_in
def show_wait(ticket_id: int) -> ResponseReturnValue:
    """Show the form for waiting on a page of its own."""
    return _page(ticket_id, {})


@tickets.post("/tickets/<int:ticket_id>/wait")
@signed_in
def wait(ticket_id: int) -> ResponseReturnValue:
    """Let the ticket wait until the chosen moment; a refused form is shown again as typed."""
    viewer = require_viewer()
    typed = request.form.get("until", "")
    choices = {one.value: one for one in WaitChoice}
    choice = choices.get(request.form.get("choice", ""), WaitChoice.DATE)
    try:
        until = wait_until(choice, typed, clock.utcnow(), zone_of(viewer))
        wait_ticket(ticket_id, until, request.form.get("reason", ""), actor_id=viewer.id)
    except WaitError as error:
        return _page(ticket_id, {"until": str(error)}), 400
    except FieldError as error:
        return _page(ticket_id, error.fields), 400
    except RefusedError as error:
        return done(str(error), ticket_url(ticket_id), "error")
    return done("The ticket waits.", ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/wait/end")
@signed_in
def stop_wait(ticket_id: int) -> ResponseReturnValue:
    """End the waiting now."""
    is_ended = end_wait(ticket_id, actor_id=require_viewer().id)
    words = "The ticket does not wait any more." if is_ended else "The ticket was not waiting."
    return done(words, ticket_url(ticket_id))


def _page(ticket_id: int, errors: Mapping[str, str]) -> str:
    ticket, _ = read_editable(ticket_id)
    origin = list_origin()
    return render_template(
        "tickets/wait.html",
        ticket=ticket,
        errors=errors,
        typed=request.form,
        origin=origin,
        kept=kept_origin(origin),
    )
