"""The page of one ticket: reading it, adding notes, changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.untrusted import parse_moment
from webapp.models import Comment
from webapp.services.errors import FieldError
from webapp.services.notices.read_outbox import read_told
from webapp.services.tickets.attachments.attach_files import add_note_with_files
from webapp.services.tickets.attachments.read_attachments import read_ticket_files
from webapp.services.tickets.change_ticket import TicketChange, TicketConflictError
from webapp.services.tickets.closing.ask_reason import ReasonNeededError
from webapp.services.tickets.collisions.read_meanwhile import read_meanwhile
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.tickets.links.close_duplicate import ORIGINAL, change_answered
from webapp.services.tickets.links.link_tickets import KIND_FIELD, NUMBER_FIELD, link_tickets
from webapp.services.tickets.read_incident import read_raw_report
from webapp.services.tickets.read_ticket import PRINTED_ENTRIES, read_ticket
from webapp.services.tickets.ticket_fields import DESCRIPTION_LENGTH
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.drafts import sent_draft, take_draft
from webapp.web.errors import status_of
from webapp.web.form_errors import show_field_errors
from webapp.web.person_limits import text_previews, uploads
from webapp.web.request_sizes import takes_files
from webapp.web.tickets.answering.close_page import ask_reason_page, read_answer
from webapp.web.tickets.answering.saved_answers import answer_change, answer_note
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.canned_notes import CANNED, canned_text, join_notes
from webapp.web.tickets.list_origin import find_way, ticket_url
from webapp.web.tickets.page_parts import page_parts
from webapp.web.tickets.ticket_forms import (
    NoteForm,
    read_change,
    read_files,
    read_seen,
    read_was,
)
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
    """Show one ticket; `canned` in the address fills the note with that canned note."""
    return _page(ticket_id, NoteForm(data={"body": canned_text(ticket_id, request.args)}))


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
        "tickets/print.html",
        view=view,
        told=read_told(ticket_id),
        files=read_ticket_files(ticket_id, [entry.id for entry in view.comments]),
        printed_at=clock.utcnow(),
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
@takes_files
@text_previews
@uploads
def add_note(ticket_id: int) -> ResponseReturnValue:
    """Add an internal note, files, or both, or preview the note.

    A refused note is shown again as it was typed; its files have to be chosen again.
    """
    form = NoteForm()
    text = form.body.data or ""
    seen_at = parse_moment(request.form.get("seen"))
    if CANNED in request.form:
        form.body.data = join_notes(text, canned_text(ticket_id, request.form))
        return _page(ticket_id, form)
    if "preview" in request.form:
        return _page(ticket_id, form, preview=text[:NOTE_LENGTH])
    try:
        note = add_note_with_files(
            ticket_id, text, read_files(), author_id=require_viewer().id, draft=sent_draft()
        )
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
    chosen = replace(read_change(request.form), close=read_answer())
    viewer_id = require_viewer().id
    try:
        sentences = change_answered(
            ticket_id,
            chosen,
            request.form.get(ORIGINAL, ""),
            actor_id=viewer_id,
            seen_at=seen_at,
            was=read_was(request.form),
        )
    except TicketConflictError as error:
        meanwhile = read_meanwhile(ticket_id, seen_at)
        refused = Refused(chosen, str(error), error.fields, meanwhile=meanwhile)
        return _page(ticket_id, NoteForm(formdata=None), refused), status_of(error)
    except ReasonNeededError as error:
        return ask_reason_page(error, ticket_url(ticket_id), asks_original=True)
    except FieldError as error:
        refused = Refused(chosen, errors=error.fields)
        return _page(ticket_id, NoteForm(formdata=None), refused), 400
    return answer_change(ticket_id, seen_at, sentences)


@tickets.post("/tickets/<int:ticket_id>/links")
@signed_in
def add_link(ticket_id: int) -> ResponseReturnValue:
    """Link the ticket to the one whose number was typed; a refused number is shown again."""
    choice, typed = request.form.get(KIND_FIELD, ""), request.form.get(NUMBER_FIELD, "")
    try:
        sentence = link_tickets(ticket_id, choice, typed, actor_id=require_viewer().id)
    except FieldError as error:
        return _page(ticket_id, NoteForm(formdata=None), Refused(errors=error.fields)), 400
    return done(sentence, ticket_url(ticket_id))


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
