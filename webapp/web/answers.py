"""How routes answer: a page after something was done, or a part of a page."""

from flask import flash, redirect, request
from werkzeug.wrappers import Response

SEE_OTHER = 303


def done(words: str, leads_to: str, kind: str = "success") -> Response:
    """Go on to another page, which says what was done."""
    flash(words, kind)
    return redirect(leads_to, SEE_OTHER)


def wants_part() -> bool:
    """Whether a script on a page asks, which puts a part of a page in its place."""
    return "HX-Request" in request.headers
