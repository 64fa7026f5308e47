"""Answers that routes share: redirects with a message, and parts of pages."""

from collections.abc import Callable

from flask import Response, flash, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from webapp.services.errors import RefusedError

SEE_OTHER = 303
FETCHED_BY_SCRIPT = "empty"
"""What Sec-Fetch-Dest says of a request by fetch() or XMLHttpRequest."""


def done(words: str, leads_to: str, kind: str = "success") -> AnyResponse:
    """Redirect to another page, which shows `words`."""
    flash(words, kind)
    return redirect(leads_to, SEE_OTHER)


def tell(action: Callable[[], str]) -> None:
    """Run `action`; the next page shows the words that it returns or why it was refused."""
    try:
        words = action()
    except RefusedError as error:
        flash(str(error), "error")
    else:
        flash(words, "success")


def reload_page() -> Response:
    """Answer a script that asked for a part of a page: the whole page is loaded again."""
    response = make_response("", 401)
    response.headers["HX-Refresh"] = "true"
    return response


def wants_part() -> bool:
    """Whether a script asks for a part of a page, to put it into the page that is shown.

    A part is no page: whatever a browser would show by itself, in a tab or a frame, gets the whole
    (Sec-Fetch-Dest; browsers without it are believed).
    """
    shown_as = request.headers.get("Sec-Fetch-Dest", FETCHED_BY_SCRIPT)
    return "HX-Request" in request.headers and shown_as == FETCHED_BY_SCRIPT
