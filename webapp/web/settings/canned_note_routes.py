"""The pages of canned notes: the list in order with a form for a new one, and each one's form."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.runbooks.canned_notes import PLACEHOLDERS, unknown_placeholders
from webapp.models import CannedNote
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import NotFoundError
from webapp.services.tickets.canned_notes.edit_canned_notes import (
    add_canned_note,
    delete_canned_note,
    edit_canned_note,
    list_canned_notes,
    read_canned_note,
)
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, done
from webapp.web.drafts import take_draft
from webapp.web.edit_pages import UP, EditAttempt
from webapp.web.form_errors import form_status, send_form
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import CannedNoteForm
from webapp.web.viewer import require_viewer


@settings.route("/canned-notes", methods=["GET", "POST"])
@admin_only
def show_canned_notes() -> ResponseReturnValue:
    """Show the canned notes in order, and add one."""
    form = CannedNoteForm()
    added = send_form(
        form,
        lambda: add_canned_note(form.name.data, form.body.data, actor_id=require_viewer().id),
    )
    if added:
        take_draft()
        return done(_saved(f"{added.name} was added.", added.body), _notes_url(), _kind(added.body))
    page = render_template(
        "settings/canned_notes.html",
        rows=list_canned_notes(),
        form=form,
        placeholders=PLACEHOLDERS,
    )
    return page, form_status(form)


@settings.route("/canned-notes/<int:note_id>", methods=["GET", "POST"])
@admin_only
def show_canned_note(note_id: int) -> ResponseReturnValue:
    """Show a canned note, and save it."""
    view = read_canned_note(note_id)
    form = CannedNoteForm(obj=view.note)
    attempt = EditAttempt(
        form,
        lambda seen, by: edit_canned_note(
            note_id, form.name.data, form.body.data, seen=seen, actor_id=by
        ),
    )
    if attempt.is_saved:
        take_draft()
        body = form.body.data or ""
        return done(_saved("The canned note was saved.", body), _notes_url(), _kind(body))
    if attempt.conflict:
        view = read_canned_note(note_id)
    page = render_template(
        "settings/canned_note.html",
        view=view,
        form=form,
        attempt=attempt,
        placeholders=PLACEHOLDERS,
        unknown=unknown_placeholders(form.body.data or ""),
    )
    return page, attempt.status


@settings.post("/canned-notes/<int:note_id>/move")
@admin_only
def move_a_canned_note(note_id: int) -> ResponseReturnValue:
    """Move a canned note one place up or down."""
    is_up = request.form.get("direction") == UP
    try:
        move_row(CannedNote, note_id, is_up=is_up, actor_id=require_viewer().id)
    except NotFoundError as error:
        flash(str(error), "warning")
        return redirect(_notes_url(), SEE_OTHER)
    return done("The order was saved.", _notes_url())


@settings.post("/canned-notes/<int:note_id>/delete")
@admin_only
def delete_a_canned_note(note_id: int) -> ResponseReturnValue:
    """Delete a canned note; notes that began with it stay."""
    try:
        name = delete_canned_note(note_id, actor_id=require_viewer().id)
    except NotFoundError as error:
        flash(str(error), "warning")
        return redirect(_notes_url(), SEE_OTHER)
    return done(f"{name} was deleted.", _notes_url())


def _saved(words: str, body: str) -> str:
    """The words after a save; they name what looks like a placeholder and stays as typed."""
    unknown = unknown_placeholders(body)
    if not unknown:
        return words
    verb = "is no placeholder and stays" if len(unknown) == 1 else "are no placeholders and stay"
    return f"{words} {', '.join(unknown)} {verb} as typed."


def _kind(body: str) -> str:
    return "warning" if unknown_placeholders(body) else "success"


def _notes_url() -> str:
    return url_for("settings.show_canned_notes")
