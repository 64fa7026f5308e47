"""Forms of the ticket pages."""

from datetime import datetime

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import TextAreaField

from webapp.domain.untrusted import clean_line
from webapp.services.change_ticket import TicketChange
from webapp.services.list_tickets import NOBODY, SEARCH_LENGTH, SORTS, TicketQuery

CLOSED = "closed"
ME = "me"


class NoteForm(FlaskForm):
    """An internal note."""

    body = TextAreaField("Add internal note", description="Markdown. Only the desk sees notes.")


def read_query(values: MultiDict[str, str], viewer_id: int) -> TicketQuery:
    """The list's address as a query; what makes no sense in it is left out."""
    assignee: int | str | None = _number(values.get("assignee"))
    if values.get("assignee") == ME:
        assignee = viewer_id
    elif values.get("assignee") == NOBODY:
        assignee = NOBODY
    return TicketQuery(
        is_closed=values.get("state") == CLOSED,
        board_id=_number(values.get("board")),
        client_id=_number(values.get("client")),
        priority_id=_number(values.get("priority")),
        assignee=assignee,
        is_triage=values.get("triage") == "1",
        is_untouched=values.get("untouched") == "1",
        search=clean_line(values.get("q"), SEARCH_LENGTH) or "",
        sort=values.get("sort") if values.get("sort") in SORTS else None,
        after=values.get("after"),
        before=values.get("before"),
    )


def read_change(values: MultiDict[str, str]) -> TicketChange:
    """What a change form chose; a field it does not have is left as it is."""
    return TicketChange(
        status_id=_number(values.get("status_id")),
        priority_id=_number(values.get("priority_id")),
        sets_assignee="assignee_id" in values,
        assignee_id=_number(values.get("assignee_id")),
    )


def read_seen(values: MultiDict[str, str]) -> datetime | None:
    """When the ticket had last changed as the form was shown; None where that is unreadable."""
    try:
        seen = datetime.fromisoformat(values.get("seen", ""))
    except ValueError:
        return None
    return seen if seen.tzinfo else None


def _number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if is_number and text else None
