"""A note of one's own: editing it; and what a note said before."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.domain.untrusted import parse_moment
from webapp.services.errors import FieldError
from webapp.services.tickets.notes.edit_note import (
    NoteConflictError,
    NoteHistory,
    edit_note,
    read_note_history,
    read_own_note,
)
from webapp.services.tickets.notes.mention_people import mentionable
from webapp.web.access import signed_in
from webapp.web.answers import SEE_OTHER
from webapp.web.drafts import take_draft
from webapp.web.errors import status_of
from webapp.web.form_errors import show_field_errors
from webapp.web.person_limits import text_previews
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import kept_origin, list_origin, ticket_url
from webapp.web.tickets.ticket_forms import EditNoteForm
from webapp.web.viewer import require_viewer


@tickets.get("/tickets/<int:ticket_id>/notes/<int:note_id>/edit")
@signed_in
def edit_own_note(ticket_id: int, note_id: int) -> ResponseReturnValue:
    """Show the form with the note as it is."""
    found = read_own_note(ticket_id, note_id, require_viewer().id)
    form = EditNoteForm(formdata=None, data={"body": found.note.body})
    return _page(ticket_id, found, form)


@tickets.post("/tickets/<int:ticket_id>/notes/<int:note_id>/edit")
@signed_in
@text_previews
def save_own_note(ticket_id: int, note_id: int) -> ResponseReturnValue:
    """Save the note, or preview it; what was typed is kept where it cannot be saved."""
    viewer_id, form = require_viewer().id, EditNoteForm()
    found = read_own_note(ticket_id, note_id, viewer_id)
    typed = form.body.data or ""
    if "preview" in request.form:
        return _page(ticket_id, found, form, seen=request.form.get("seen"), preview=typed)
    try:
        seen_at = parse_moment(request.form.get("seen"))
        edit_note(ticket_id, note_id, typed, actor_id=viewer_id, seen_at=seen_at)
    except NoteConflictError as error:
        return _page(ticket_id, found, form, problem=str(error)), status_of(error)
    except FieldError as error:
        show_field_errors(form, error)
        return _page(ticket_id, found, form, seen=request.form.get("seen")), 400
    take_draft()
    return redirect(ticket_url(ticket_id, f"entry-{note_id}"), SEE_OTHER)


@tickets.get("/tickets/<int:ticket_id>/notes/<int:note_id>/history")
@signed_in
def show_note_history(ticket_id: int, note_id: int) -> ResponseReturnValue:
    """Show what a note said before it was edited."""
    found = read_note_history(ticket_id, note_id)
    return render_template("tickets/note_history.html", found=found, ticket_id=ticket_id)


def _page(
    ticket_id: int,
    found: NoteHistory,
    form: EditNoteForm,
    *,
    seen: str | None = None,
    problem: str | None = None,
    preview: str | None = None,
) -> str:
    stored = found.note.edited_at.isoformat() if found.note.edited_at else ""
    origin = list_origin()
    return render_template(
        "tickets/edit_note.html",
        ticket_id=ticket_id,
        found=found,
        form=form,
        seen=stored if seen is None else seen,
        problem=problem,
        preview=preview,
        origin=origin,
        kept=kept_origin(origin),
        mentionable=mentionable(found.people),
    )
