"""The ticket list's address as a query."""

from werkzeug.datastructures import MultiDict

from webapp.domain.untrusted import clean_line
from webapp.services.list_tickets import NOBODY, SEARCH_LENGTH, SORTS, TicketQuery

CLOSED = "closed"
ME = "me"


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


def _number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if is_number and text else None
