"""Who may do what. Every route carries one of these decorators; a route without one is refused.

They also keep GET and HEAD from writing: such a view runs inside `read_only()`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, make_response, redirect, request, url_for
from flask_login import current_user

from webapp.extensions import read_only
from webapp.web.answers import wants_part

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
SIGNED_IN = "signed in"
ADMIN_ONLY = "admin only"
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC_ENDPOINT = "static"


class SignInRequired(Exception):  # noqa: N818 - it is an answer more than an error
    """Somebody who is not signed in asked for what needs it."""


def public(view: View) -> View:
    """Everybody may, signed in or not."""
    return _guarded(view, PUBLIC)


def signed_in(view: View) -> View:
    """Everybody who is signed in may, helpdesk and admins."""
    return _guarded(view, SIGNED_IN)


def admin_only(view: View) -> View:
    """Only admins may."""
    return _guarded(view, ADMIN_ONLY)


def access_of(view: Callable[..., Any]) -> str | None:
    """The rule a view carries: PUBLIC, SIGNED_IN or ADMIN_ONLY; None without a decorator."""
    return getattr(view, "access_rule", None)


def init_access(app: Flask) -> None:
    """Refuse every endpoint that carries no rule: forgetting the decorator opens nothing."""

    @app.before_request
    def _refuse_unmarked() -> None:
        endpoint = request.endpoint
        if endpoint is None or endpoint == STATIC_ENDPOINT:
            return
        if access_of(current_app.view_functions[endpoint]) is None:
            abort(403)


def safe_next(target: str | None) -> str:
    """`target` if it is a path on this site, else the dashboard's: never leads elsewhere."""
    home = url_for("dashboard.show")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    if any(ord(character) < 33 or character == "\\" for character in target):
        return home
    parts = urlsplit(target)
    return home if parts.scheme or parts.netloc else target


def sign_in_redirect() -> Response:
    """Send the browser to sign in, and back to where it wanted to go where that was a page."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    if wants_part():
        response = make_response("", 401)
        response.headers["HX-Refresh"] = "true"
        return response
    is_home = wanted is None or wanted == "/"
    return make_response(redirect(url_for("account.enter", next=None if is_home else wanted)))


def _guarded(view: View, rule: str) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if request.method not in READING_METHODS:
            _check(rule)
            return view(*args, **kwargs)
        with read_only():
            _check(rule)
            return view(*args, **kwargs)

    guarded.access_rule = rule  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def _check(rule: str) -> None:
    if rule == PUBLIC:
        return
    if not current_user.is_authenticated:
        raise SignInRequired
    if rule == ADMIN_ONLY and not current_user.is_admin:
        abort(403)
