"""The ticket page; the list and what belongs to it are in the modules beside it."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.change_ticket import TicketChange, TicketConflictError, change_ticket
from webapp.services.comment_ticket import add_internal_note
from webapp.services.errors import FieldError
from webapp.services.read_ticket import read_ticket
from webapp.web.access import signed_in
from webapp.web.form_errors import show_field_errors
from webapp.web.tickets import bulk_routes, export_routes, list_routes, view_routes  # noqa: F401
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.forms import NoteForm, read_change, read_seen
from webapp.web.viewer import require_viewer


@tickets.get("/<int:ticket_id>")
@signed_in
def show(ticket_id: int) -> ResponseReturnValue:
    """One ticket."""
    return _page(ticket_id, NoteForm())


@tickets.post("/<int:ticket_id>/notes")
@signed_in
def add_note(ticket_id: int) -> ResponseReturnValue:
    """Add an internal note; a refused one is shown again as it was typed."""
    form = NoteForm()
    try:
        note = add_internal_note(ticket_id, form.body.data or "", author_id=require_viewer().id)
    except FieldError as error:
        show_field_errors(form, error)
        return _page(ticket_id, form), 400
    return redirect(url_for("tickets.show", ticket_id=ticket_id, _anchor=f"entry-{note.id}"), 303)


@tickets.post("/<int:ticket_id>/change")
@signed_in
def change(ticket_id: int) -> ResponseReturnValue:
    """Change status, priority, assignee; on a conflict nothing is saved and the choice is kept."""
    seen_at = read_seen(request.form)
    if seen_at is None:
        abort(400)
    chosen = read_change(request.form)
    try:
        sentences = change_ticket(ticket_id, chosen, actor_id=require_viewer().id, seen_at=seen_at)
    except TicketConflictError as error:
        return _page(ticket_id, NoteForm(formdata=None), chosen, [str(error)]), 409
    except FieldError as error:
        return _page(ticket_id, NoteForm(formdata=None), chosen, list(error.fields.values())), 400
    flash("The ticket was updated." if sentences else "Nothing was changed.", "success")
    return redirect(url_for("tickets.show", ticket_id=ticket_id), 303)


def _page(
    ticket_id: int,
    note_form: NoteForm,
    chosen: TicketChange | None = None,
    problems: list[str] | None = None,
) -> str:
    return render_template(
        "tickets/show.html",
        view=read_ticket(ticket_id),
        note_form=note_form,
        chosen=chosen,
        problems=problems or [],
    )
