"""From the first thing that somebody shows to a session: what is asked next, and its cookies."""

from datetime import datetime

from flask import Response, make_response, redirect, url_for

from webapp.services.people.factors.demand import ask_for_factor
from webapp.services.people.factors.second_step import begin_second_step
from webapp.services.people.sessions import Factor, Method, begin_session
from webapp.web.cookies import (
    PENDING,
    PENDING_KEPT,
    remember_session,
    this_browser,
    write_cookie,
)
from webapp.web.same_session import bind_session


def first_step_done(
    user_id: int, method: Method, target: str, *, password_hash: str | None = None
) -> Response:
    """Go on after a password was right: ask for the second factor of somebody who has one.

    Otherwise the session begins, and leads to `target`. `password_hash` is what a password was
    checked against. Raises SignInError.
    """
    token = begin_second_step(user_id, method, password_hash)
    if token is None:
        return session_begun(user_id, method, None, target, password_hash=password_hash)
    response = make_response(redirect(url_for("account.ask_second_step", next=target), 303))
    write_cookie(response, PENDING, token, PENDING_KEPT)
    return response


def session_begun(
    user_id: int,
    method: Method,
    factor: Factor | None,
    target: str,
    *,
    password_hash: str | None = None,
    provider_saw_at: datetime | None = None,
) -> Response:
    """Begin a session with fresh cookies, and lead to `target`. Raises SignInError.

    For somebody who should have a second factor and has none, the grace begins.
    """
    if factor is None:
        ask_for_factor(user_id)
    begun = begin_session(
        user_id,
        this_browser(),
        method=method,
        factor=factor,
        password_hash=password_hash,
        provider_saw_at=provider_saw_at,
    )
    bind_session(begun.reference)
    response = make_response(redirect(target, 303))
    remember_session(response, begun)
    return response
