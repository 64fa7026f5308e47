"""The page of one ticket: reading it, adding notes, changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.untrusted import parse_moment
from webapp.models import Comment
from webapp.services.errors import FieldError
from webapp.services.notices.read_outbox import read_told
from webapp.services.tickets.change_ticket import TicketChange, TicketConflictError, change_ticket
from webapp.services.tickets.collisions.read_meanwhile import read_meanwhile
from webapp.services.tickets.comment_ticket import NOTE_LENGTH, add_internal_note
from webapp.services.tickets.read_incident import read_raw_report
from webapp.services.tickets.read_ticket import PRINTED_ENTRIES, read_ticket
from webapp.services.tickets.ticket_fields import DESCRIPTION_LENGTH
from webapp.web.access import signed_in
from webapp.web.drafts import sent_draft, take_draft
from webapp.web.errors import status_of
from webapp.web.form_errors import show_field_errors
from webapp.web.person_limits import text_previews
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import find_way
from webapp.web.tickets.page_parts import page_parts
from webapp.web.tickets.saved_answers import answer_change, answer_note
from webapp.web.tickets.ticket_forms import NoteForm, read_change, read_seen, read_was
from webapp.web.viewer import require_viewer

PREVIEWED = ("body", "description")


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that was not saved: what was chosen, why it failed, what others did meanwhile.

    `fields` are those that somebody else changed as well.
    """

    chosen: TicketChange | None = None
    problem: str | None = None
    fields: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    meanwhile: Sequence[Comment] = ()


NOTHING_REFUSED = Refused()


@tickets.get("/tickets/<int:ticket_id>")
@signed_in
def show(ticket_id: int) -> ResponseReturnValue:
    """Show one ticket."""
    return _page(ticket_id, NoteForm())


@tickets.get("/tickets/<int:ticket_id>/raw")
@signed_in
def show_raw(ticket_id: int) -> ResponseReturnValue:
    """Show the incident report as Huntress sent it."""
    return render_template("tickets/raw.html", report=read_raw_report(ticket_id))


@tickets.get("/tickets/<int:ticket_id>/print")
@signed_in
def print_ticket(ticket_id: int) -> ResponseReturnValue:
    """Show the incident and the whole timeline on one page, to be printed."""
    view = read_ticket(ticket_id, entries=PRINTED_ENTRIES)
    return render_template(
        "tickets/print.html", view=view, told=read_told(ticket_id), printed_at=clock.utcnow()
    )


@tickets.post("/tickets/preview")
@signed_in
@text_previews
def preview() -> ResponseReturnValue:
    """The part of a page that previews the text being written."""
    text = next((request.form[name] for name in PREVIEWED if name in request.form), "")
    return render_template("tickets/_preview.html", text=text[:DESCRIPTION_LENGTH])


@tickets.post("/tickets/<int:ticket_id>/notes")
@signed_in
@text_previews
def add_note(ticket_id: int) -> ResponseReturnValue:
    """Add an internal note, or preview it; a refused note is shown again as it was typed."""
    form = NoteForm()
    text = form.body.data or ""
    seen_at = parse_moment(request.form.get("seen"))
    viewer_id = require_viewer().id
    if "preview" in request.form:
        return _page(ticket_id, form, preview=text[:NOTE_LENGTH])
    try:
        note = add_internal_note(ticket_id, text, author_id=viewer_id, draft=sent_draft())
    except FieldError as error:
        show_field_errors(form, error)
        return _page(ticket_id, form), 400
    take_draft()
    return answer_note(ticket_id, note.id, seen_at)


@tickets.post("/tickets/<int:ticket_id>/change")
@signed_in
def change(ticket_id: int) -> ResponseReturnValue:
    """Change the ticket; after a conflict nothing is saved, and what was chosen is shown again."""
    seen_at = read_seen(request.form)
    chosen = read_change(request.form)
    viewer_id = require_viewer().id
    try:
        sentences = change_ticket(
            ticket_id, chosen, actor_id=viewer_id, seen_at=seen_at, was=read_was(request.form)
        )
    except TicketConflictError as error:
        meanwhile = read_meanwhile(ticket_id, seen_at)
        refused = Refused(chosen, str(error), error.fields, meanwhile=meanwhile)
        return _page(ticket_id, NoteForm(formdata=None), refused), status_of(error)
    except FieldError as error:
        refused = Refused(chosen, errors=error.fields)
        return _page(ticket_id, NoteForm(formdata=None), refused), 400
    return answer_change(ticket_id, seen_at, sentences)


def _page(
    ticket_id: int,
    note_form: NoteForm,
    refused: Refused = NOTHING_REFUSED,
    preview: str | None = None,
) -> str:
    view = read_ticket(
        ticket_id, before=request.args.get("before"), after=request.args.get("after")
    )
    viewer = require_viewer()
    way = find_way(view, viewer.id)
    return render_template(
        "tickets/show.html",
        view=view,
        told=read_told(ticket_id),
        note_form=note_form,
        refused=refused,
        preview=preview,
        way=way,
        origin=way.origin if way else None,
        kept=way.kept if way else {},
        since=parse_moment(request.args.get("since")),
        **page_parts(view, viewer),
    )
