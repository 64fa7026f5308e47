"""Forms are taken only from the session that they were shown in, and only from this site.

Flask-WTF's token proves that a form belongs to a cookie, but not that the cookie is this person's:
somebody who can set cookies could set their own. So the signed cookie also names the session.
"""

from flask import Flask, request
from flask import session as cookie_session
from flask_wtf.csrf import CSRFError

from webapp.web.access import READING_METHODS
from webapp.web.viewer import Viewer, current_viewer

SESSION_REF = "session_ref"
CSRF_KEY = "csrf_token"
OWN_SITES = frozenset({"same-origin", "none"})
"""What a browser says of a request from our own page, and of one that a person began themselves."""


def init_same_session(app: Flask) -> None:
    """Check each form before its view runs; bind the cookie when a page is shown."""
    app.before_request(_check_site)
    app.before_request(_check_session)


def bind_session(reference: str) -> None:
    """Begin a fresh cookie for a session that has just begun; messages for its next page stay."""
    kept = cookie_session.get("_flashes")
    cookie_session.clear()
    if kept:
        cookie_session["_flashes"] = kept
    cookie_session[SESSION_REF] = reference


def name_session() -> None:
    """Name the viewer's session in the cookie, unless it is there; forms shown before are void."""
    viewer = current_viewer()
    if isinstance(viewer, Viewer) and cookie_session.get(SESSION_REF) != viewer.session_ref:
        cookie_session.pop(CSRF_KEY, None)
        cookie_session[SESSION_REF] = viewer.session_ref


def _check_site() -> None:
    """Refuse what a browser says was sent by another site. Raises CSRFError."""
    site = request.headers.get("Sec-Fetch-Site")
    if request.method not in READING_METHODS and site is not None and site not in OWN_SITES:
        raise CSRFError("The form was sent by another site.")


def _check_session() -> None:
    """Refuse a form of another session. Raises CSRFError.

    A cookie without a session's name gets it with the next page, and a new token with it: a browser
    that was closed and opened again has only the cookie that lasts.
    """
    if request.endpoint in (None, "static"):
        return
    viewer = current_viewer()
    if not isinstance(viewer, Viewer) or cookie_session.get(SESSION_REF) == viewer.session_ref:
        return
    if request.method not in READING_METHODS:
        raise CSRFError("The form belongs to another session.")
    name_session()
