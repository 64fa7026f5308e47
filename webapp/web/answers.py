"""How routes answer: a page after something was done, or a part of a page."""

from collections.abc import Callable

from flask import flash, redirect, request
from werkzeug.wrappers import Response

from webapp.services.errors import RefusedError

SEE_OTHER = 303


def done(words: str, leads_to: str, kind: str = "success") -> Response:
    """Go on to another page, which says what was done."""
    flash(words, kind)
    return redirect(leads_to, SEE_OTHER)


def tell(action: Callable[[], str]) -> None:
    """Do something; the next page says what the action says, or why it was refused."""
    try:
        words = action()
    except RefusedError as error:
        flash(str(error), "error")
    else:
        flash(words, "success")


def wants_part() -> bool:
    """Whether a script on a page asks, which puts a part of a page in its place."""
    return "HX-Request" in request.headers
