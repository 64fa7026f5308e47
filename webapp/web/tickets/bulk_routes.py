"""Changing many tickets at once."""

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import RefusedError, ServiceError
from webapp.services.tickets.bulk_change_tickets import (
    MOST_TICKETS,
    CriticalsUnconfirmedError,
    bulk_change_tickets,
    undo_bulk_change,
)
from webapp.services.tickets.change_ticket import TicketChange
from webapp.services.tickets.closing.ask_reason import ReasonNeededError
from webapp.services.tickets.list_tickets import NOBODY
from webapp.web.access import safe_next, signed_in
from webapp.web.errors import CSRF_FIELD, status_of
from webapp.web.params import read_number
from webapp.web.tickets.answering.close_page import ask_reason_page, read_answer
from webapp.web.tickets.answering.undo_memory import note_bulk_change
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_query import ME
from webapp.web.tickets.list_routes import SELECTED
from webapp.web.viewer import require_viewer

SHOWN_NUMBERS = 10
CONFIRMED = "confirmed"
"""The field that says how many critical tickets the person wants to close."""


@tickets.post("/tickets/bulk")
@signed_in
def change_many() -> ResponseReturnValue:
    """Change the selected tickets; the list then offers to undo it.

    If critical ones would be closed, a page asks first.
    """
    viewer_id = require_viewer().id
    chosen = [read_number(value) or 0 for value in request.form.getlist("ticket")]
    try:
        record = bulk_change_tickets(
            chosen,
            _read_change(viewer_id),
            actor_id=viewer_id,
            confirmed_criticals=read_number(request.form.get(CONFIRMED)) or 0,
        )
    except CriticalsUnconfirmedError as error:
        session[SELECTED] = chosen[:MOST_TICKETS]
        return _ask_about_criticals(error)
    except ReasonNeededError as error:
        session[SELECTED] = chosen[:MOST_TICKETS]
        return ask_reason_page(error, _target())
    except ServiceError as error:
        flash(str(error), "error")
        session[SELECTED] = chosen[:MOST_TICKETS]
        return _back()
    if record is None:
        session[SELECTED] = chosen[:MOST_TICKETS]
        flash("Nothing was changed: the selected tickets are like that already.", "info")
    else:
        session.pop(SELECTED, None)  # kept while a page asked
        note_bulk_change(record.id)
    return _back()


@tickets.post("/tickets/bulk-changes/<int:bulk_id>/undo")
@signed_in
def undo(bulk_id: int) -> ResponseReturnValue:
    """Undo a bulk change or its part in one ticket; say which tickets were left as they are."""
    ticket_id = read_number(request.form.get("ticket"))
    try:
        result = undo_bulk_change(bulk_id, actor_id=require_viewer().id, ticket_id=ticket_id)
    except RefusedError as error:
        flash(str(error), "error")
        return _back()
    if result.restored:
        words = "1 ticket is" if result.restored == 1 else f"{result.restored:,} tickets are"
        flash(f"Undone: {words} as before.", "success")
    if result.left:
        flash(_left_words(result.left), "warning")
    return _back()


def _ask_about_criticals(error: CriticalsUnconfirmedError) -> ResponseReturnValue:
    """The page that asks whether critical tickets are to be closed, and sends the form again."""
    target = request.form.get("next")
    page = render_template(
        "tickets/close_criticals.html",
        numbers=error.numbers,
        closing=error.closing,
        shown=SHOWN_NUMBERS,
        fields=[
            pair
            for pair in request.form.items(multi=True)
            if pair[0] not in (CSRF_FIELD, CONFIRMED)
        ],
        back=safe_next(target) if target else url_for("tickets.show_list"),
    )
    return page, status_of(error)


def _read_change(viewer_id: int) -> TicketChange:
    assignee = request.form.get("assignee", "")
    is_assigned = assignee in (ME, NOBODY) or read_number(assignee) is not None
    return TicketChange(
        status_id=read_number(request.form.get("status")),
        priority_id=read_number(request.form.get("priority")),
        board_id=read_number(request.form.get("board")),
        external_reference=request.form.get("reference", "").strip() or None,
        sets_assignee=is_assigned,
        assignee_id=viewer_id if assignee == ME else read_number(assignee),
        close=read_answer(),
    )


def _left_words(numbers: tuple[str, ...]) -> str:
    shown = ", ".join(numbers[:SHOWN_NUMBERS])
    more = f" and {len(numbers) - SHOWN_NUMBERS} more" if len(numbers) > SHOWN_NUMBERS else ""
    verb = "was" if len(numbers) == 1 else "were"
    return f"{shown}{more} {verb} left: changed again since, or the old value is gone."


def _back() -> ResponseReturnValue:
    return redirect(_target(), 303)


def _target() -> str:
    target = request.form.get("next")
    return safe_next(target) if target else url_for("tickets.show_list")
