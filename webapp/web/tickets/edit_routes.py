"""Editing a ticket's texts, its client, its reference and link in the PSA, and its host."""

from collections.abc import Sequence

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.models import Comment
from webapp.services.errors import FieldError
from webapp.services.tickets.change_ticket import TicketConflictError, change_ticket
from webapp.services.tickets.collisions.read_meanwhile import read_meanwhile
from webapp.services.tickets.collisions.seen_values import text_values
from webapp.services.tickets.read_ticket import read_editable
from webapp.web.access import signed_in
from webapp.web.drafts import take_draft
from webapp.web.errors import status_of
from webapp.web.form_errors import show_field_errors
from webapp.web.person_limits import text_previews
from webapp.web.tickets.answering.saved_answers import answer_change
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_origin import kept_origin, list_origin
from webapp.web.tickets.ticket_forms import (
    TextForm,
    read_change,
    read_seen,
    read_was,
    rebase,
    shown_values,
)
from webapp.web.viewer import require_viewer


@tickets.get("/tickets/<int:ticket_id>/edit")
@signed_in
def edit(ticket_id: int) -> ResponseReturnValue:
    """Show the form with the ticket's present values."""
    return _page(ticket_id, None)


@tickets.post("/tickets/<int:ticket_id>/edit")
@signed_in
@text_previews
def save_edit(ticket_id: int) -> ResponseReturnValue:
    """Save the form, or preview the description; after a conflict the typed text is kept."""
    seen_at = read_seen(request.form)
    form = TextForm()
    if "preview" in request.form:
        return _page(ticket_id, form, is_preview=True)
    chosen = read_change(request.form)
    try:
        sentences = change_ticket(
            ticket_id,
            chosen,
            actor_id=require_viewer().id,
            seen_at=seen_at,
            was=read_was(request.form),
        )
    except TicketConflictError as error:
        meanwhile = read_meanwhile(ticket_id, seen_at)
        return _page(ticket_id, form, str(error), meanwhile), status_of(error)
    except FieldError as error:
        show_field_errors(form, error)
        return _page(ticket_id, form), 400
    take_draft()
    return answer_change(ticket_id, seen_at, sentences)


def _page(
    ticket_id: int,
    form: TextForm | None,
    problem: str | None = None,
    meanwhile: Sequence[Comment] = (),
    *,
    is_preview: bool = False,
) -> str:
    """Render the form, filled from the ticket or else with what was typed.

    After a conflict (`problem`), the form is compared with the ticket as it is now. Otherwise it is
    compared with the same version as before.
    """
    ticket, clients = read_editable(ticket_id)
    shown, seen = shown_values(ticket), ticket.updated_at.isoformat()
    if form is None:
        form = TextForm(formdata=None, data=text_values(ticket))
    elif problem is not None:
        rebase(form, request.form, ticket)
    else:
        shown = {name: request.form.get(name, value) for name, value in shown.items()}
        seen = request.form["seen"]
    origin = list_origin()
    return render_template(
        "tickets/edit.html",
        ticket=ticket,
        form=form,
        clients=clients,
        shown=shown,
        seen=seen,
        problem=problem,
        meanwhile=meanwhile,
        preview=form.description.data if is_preview else None,
        origin=origin,
        kept=kept_origin(origin),
    )
