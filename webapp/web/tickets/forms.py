"""Forms of the ticket pages."""

from datetime import datetime

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import TextAreaField

from webapp.services.change_ticket import TicketChange
from webapp.web.tickets.list_query import read_number


class NoteForm(FlaskForm):
    """An internal note."""

    body = TextAreaField("Add internal note", description="Markdown. Only the desk sees notes.")


def read_change(values: MultiDict[str, str]) -> TicketChange:
    """What a change form chose; a field it does not have is left as it is."""
    return TicketChange(
        status_id=read_number(values.get("status_id")),
        priority_id=read_number(values.get("priority_id")),
        sets_assignee="assignee_id" in values,
        assignee_id=read_number(values.get("assignee_id")),
    )


def read_seen(values: MultiDict[str, str]) -> datetime | None:
    """When the ticket had last changed as the form was shown; None where that is unreadable."""
    try:
        seen = datetime.fromisoformat(values.get("seen", ""))
    except ValueError:
        return None
    return seen if seen.tzinfo else None
