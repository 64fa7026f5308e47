"""From the first thing that somebody shows to a session: what is asked next, and its cookies."""

from flask import Response, make_response, redirect

from webapp.services.people.sessions import Factor, Method, begin_session
from webapp.web.cookies import remember_session, this_browser
from webapp.web.same_session import bind_session


def first_step_done(
    user_id: int, method: Method, target: str, *, password_hash: str | None = None
) -> Response:
    """Go on after a password or passkey was right: begin the session, and lead to `target`.

    `password_hash` is what a password was checked against. Raises SignInError.
    """
    return session_begun(user_id, method, None, target, password_hash=password_hash)


def session_begun(
    user_id: int,
    method: Method,
    factor: Factor | None,
    target: str,
    *,
    password_hash: str | None = None,
) -> Response:
    """Begin a session with fresh cookies, and lead to `target`. Raises SignInError."""
    begun = begin_session(
        user_id, this_browser(), method=method, factor=factor, password_hash=password_hash
    )
    bind_session(begun.reference)
    response = make_response(redirect(target, 303))
    remember_session(response, begun)
    return response
