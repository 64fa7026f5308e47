"""Opening a ticket by hand."""

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError
from webapp.services.tickets.desk_choices import DeskChoices
from webapp.services.tickets.open_ticket import open_ticket
from webapp.services.tickets.ticket_choices import opening_choices
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.drafts import take_draft
from webapp.web.form_errors import show_field_errors
from webapp.web.page_context import option_pairs
from webapp.web.person_limits import text_previews
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.ticket_forms import (
    NewTicketForm,
    is_form_token,
    new_form_token,
)
from webapp.web.viewer import require_viewer

USUAL_BOARD = "Service Desk"
USUAL_PRIORITY = "Medium"


@tickets.get("/tickets/new")
@signed_in
def new() -> ResponseReturnValue:
    """Show an empty form; the address may choose the client."""
    choices = opening_choices()
    form = NewTicketForm(
        formdata=None,
        data={
            "form_token": new_form_token(),
            "client_id": request.args.get("client", ""),
            "board_id": _usual(choices.boards, USUAL_BOARD),
            "priority_id": _usual(choices.priorities, USUAL_PRIORITY),
        },
    )
    return _page(form, choices)


@tickets.post("/tickets/new")
@signed_in
@text_previews
def create() -> ResponseReturnValue:
    """Open the ticket, only once even if the form is sent twice; a refused form keeps its text."""
    form = NewTicketForm()
    token = form.form_token.data
    if not token or not is_form_token(token):
        abort(400)
    if "preview" in request.form:
        return _page(form, opening_choices(), preview=form.description.data or "")
    try:
        ticket = open_ticket(form.wanted(), actor_id=require_viewer().id, form_token=token)
    except FieldError as error:
        show_field_errors(form, error)
        return _page(form, opening_choices()), 400
    take_draft()
    return done(f"{ticket.number} was opened.", url_for("tickets.show", ticket_id=ticket.id))


def _page(form: NewTicketForm, choices: DeskChoices, preview: str | None = None) -> str:
    form.offer(choices)
    return render_template(
        "tickets/new.html",
        form=form,
        preview=preview,
        boards=choices.boards,
        clients=option_pairs(choices.clients),
    )


def _usual(rows: object, name: str) -> str:
    """The id of the row with the name that a new install gives it; empty if there is none."""
    return next((str(row.id) for row in rows if row.name == name), "")  # type: ignore[attr-defined]
