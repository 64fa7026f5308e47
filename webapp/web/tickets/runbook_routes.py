"""Checklists on tickets, and choosing canned notes."""

import json

from flask import flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.tickets.canned_notes.fill_canned_notes import fill_canned_notes
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.tickets.runbooks.read_checklists import find_checklist, read_attachable
from webapp.services.tickets.runbooks.work_checklist import (
    TicketTimes,
    attach_runbook,
    remove_runbook,
    tick_step,
)
from webapp.web.access import signed_in
from webapp.web.answers import SEE_OTHER, done, wants_part
from webapp.web.params import NO_SUCH_ID, YES, read_number
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import kept_origin, list_origin, ticket_url
from webapp.web.viewer import require_viewer


@tickets.get("/tickets/<int:ticket_id>/runbooks")
@signed_in
def choose_runbook(ticket_id: int) -> ResponseReturnValue:
    """Show the runbooks that can be attached."""
    ticket, runbooks = read_attachable(ticket_id)
    origin = list_origin()
    return render_template(
        "tickets/runbooks.html",
        ticket=ticket,
        runbooks=runbooks,
        origin=origin,
        kept=kept_origin(origin),
    )


@tickets.post("/tickets/<int:ticket_id>/runbooks")
@signed_in
def attach(ticket_id: int) -> ResponseReturnValue:
    """Attach a runbook."""
    runbook_id = read_number(request.form.get("runbook_id")) or NO_SUCH_ID
    try:
        attach_runbook(ticket_id, runbook_id, actor_id=require_viewer().id)
    except RefusedError as error:
        return _refused(ticket_id, error)
    return done("The runbook was attached.", ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/runbooks/<int:checklist_id>/remove")
@signed_in
def remove_a_runbook(ticket_id: int, checklist_id: int) -> ResponseReturnValue:
    """Take a runbook off the ticket of which no step is done."""
    try:
        remove_runbook(ticket_id, checklist_id, actor_id=require_viewer().id)
    except (NotFoundError, RefusedError) as error:
        return _refused(ticket_id, error)
    return done("The runbook was removed.", ticket_url(ticket_id))


@tickets.post("/tickets/<int:ticket_id>/runbooks/<int:checklist_id>/steps/<int:position>")
@signed_in
def tick(ticket_id: int, checklist_id: int, position: int) -> ResponseReturnValue:
    """Tick a step, or take its tick back; a script gets only this step and the progress."""
    times = tick_step(
        ticket_id,
        checklist_id,
        position,
        is_done=request.form.get("done") == YES,
        actor_id=require_viewer().id,
    )
    if not wants_part():
        return redirect(ticket_url(ticket_id, f"step-{checklist_id}-{position}"), SEE_OTHER)
    checklist = find_checklist(ticket_id, checklist_id)
    origin = list_origin()
    part = render_template(
        "tickets/_step.html",
        checklist=checklist,
        block=checklist.block(position),
        origin=origin,
    )
    response = make_response(part)
    response.headers["HX-Trigger"] = _seen_event(times)
    return response


@tickets.get("/tickets/<int:ticket_id>/canned-notes")
@signed_in
def choose_canned_note(ticket_id: int) -> ResponseReturnValue:
    """Show the canned notes, filled in for the ticket; a script gets only their buttons."""
    if wants_part():
        canned = fill_canned_notes(ticket_id, my_name=require_viewer().name)
        return render_template("tickets/_canned_list.html", canned=canned)
    return _canned_page(ticket_id, "")


@tickets.post("/tickets/<int:ticket_id>/canned-notes")
@signed_in
def choose_with_text(ticket_id: int) -> ResponseReturnValue:
    """Show the canned notes, and bring along what was typed so far."""
    return _canned_page(ticket_id, request.form.get("body", "")[:NOTE_LENGTH])


def _canned_page(ticket_id: int, typed: str) -> str:
    origin = list_origin()
    return render_template(
        "tickets/canned_notes.html",
        canned=fill_canned_notes(ticket_id, my_name=require_viewer().name),
        typed=typed,
        origin=origin,
        kept=kept_origin(origin),
    )


def _refused(ticket_id: int, error: Exception) -> ResponseReturnValue:
    flash(str(error), "error")
    return redirect(ticket_url(ticket_id), SEE_OTHER)


def _seen_event(times: TicketTimes) -> str:
    """What the page's other forms need to know: the ticket changed, and it was this person.

    Without it, they would be refused as if somebody else had changed the ticket.
    """
    seen = {"was": times.before.isoformat(), "now": times.after.isoformat()}
    return json.dumps({"triagedesk:ticket-changed": seen})
