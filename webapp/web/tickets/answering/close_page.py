"""The page that asks why tickets are closed that Huntress still has something for.

It carries along whatever the form held that was to close them, and sends it to the same address
once more, with the answer.
"""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.domain.triage.close_reasons import CloseReason
from webapp.services.tickets.closing.ask_reason import (
    CLOSE_NOTE_LENGTH,
    NOTE,
    REASON,
    CloseAnswer,
    ReasonNeededError,
)
from webapp.services.tickets.links.close_duplicate import ORIGINAL
from webapp.web.errors import status_of

ASKED = "asked"
"""The field that says that a form was sent from this page."""

_NOT_CARRIED = ("csrf_token", REASON, NOTE, ORIGINAL, ASKED)


def read_answer() -> CloseAnswer:
    """What the request's form answers; the reason is None where it was not asked yet."""
    reason = request.form.get(REASON, "" if ASKED in request.form else None)
    return CloseAnswer(reason, request.form.get(NOTE, ""))


def ask_reason_page(
    error: ReasonNeededError, leads_back: str, *, asks_original: bool = False
) -> ResponseReturnValue:
    """The page that asks for the reason; `leads_back` is where one goes who does not close them.

    `asks_original` says that "duplicate" needs the number of the other ticket.
    """
    page = render_template(
        "tickets/close.html",
        problem=str(error),
        unfinished=error.unfinished,
        reasons=list(CloseReason),
        answer=read_answer(),
        errors=error.fields,
        original=request.form.get(ORIGINAL, "") if asks_original else None,
        asked=ASKED,
        carried=[
            (name, value)
            for name, value in request.form.items(multi=True)
            if name not in _NOT_CARRIED
        ],
        note_length=CLOSE_NOTE_LENGTH,
        leads_back=leads_back,
    )
    return page, status_of(error)
