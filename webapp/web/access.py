"""Access rules: every route has one of these decorators, and a route without one is refused.

The decorators also keep GET and HEAD requests from writing, because they run such a view inside
`read_only()`; `writes_on_get` marks the one exception.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, make_response, redirect, request, url_for

from webapp.extensions import read_only
from webapp.models.user import ROLE_ADMIN, ROLE_AUDITOR
from webapp.web.answers import reload_page, wants_part
from webapp.web.viewer import current_viewer

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
FOR_ONESELF = "for oneself"
SIGNED_IN = "signed in"
ADMIN_ONLY = "admin only"
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC_ENDPOINT = "static"


class SignInRequired(Exception):  # noqa: N818 - it is an answer more than an error
    """Somebody who is not signed in asked for a page that needs it."""


def public(view: View) -> View:
    """Allow everybody, signed in or not."""
    return _guarded(view, PUBLIC)


def for_oneself(view: View) -> View:
    """Allow everybody who is signed in to see and change what is their own; auditors as well."""
    return _guarded(view, FOR_ONESELF)


def signed_in(view: View) -> View:
    """Allow everybody who is signed in, helpdesk and admins; auditors only to look."""
    return _guarded(view, SIGNED_IN)


def admin_only(view: View) -> View:
    """Allow only admins, and auditors to look."""
    return _guarded(view, ADMIN_ONLY)


def is_allowed(rule: str, role: str, *, changes: bool) -> bool:
    """Whether a role may open a page of this rule, or with `changes` send its forms.

    The role of somebody who is not signed in is empty.
    """
    if rule == PUBLIC or not role:
        return rule == PUBLIC
    if rule == FOR_ONESELF:
        return True
    if role == ROLE_AUDITOR:
        return not changes
    return rule == SIGNED_IN or role == ROLE_ADMIN


def writes_on_get(view: View) -> View:
    """Let a GET write; it stands below the access rule of the view.

    Only for answers that the browser brings from elsewhere by a redirect, which is always a GET.
    Whatever it writes has to be tied to a secret of this very browser, and happen once.
    """
    view.writes_on_get = True  # type: ignore[attr-defined]
    return view


def access_of(view: Callable[..., Any]) -> str | None:
    """The access rule of a view, for instance SIGNED_IN; None without a decorator."""
    return getattr(view, "access_rule", None)


def init_access(app: Flask) -> None:
    """Refuse every endpoint without a rule, so that a forgotten decorator opens nothing."""

    @app.before_request
    def _refuse_unmarked() -> None:
        endpoint = request.endpoint
        if endpoint is None or endpoint == STATIC_ENDPOINT:
            return
        if access_of(current_app.view_functions[endpoint]) is None:
            abort(403)


def safe_next(target: str | None) -> str:
    """Return `target` if it is a path on this site, otherwise the dashboard's path."""
    home = url_for("dashboard.show")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    if any(ord(character) < 33 or character == "\\" for character in target):
        return home
    parts = urlsplit(target)
    return home if parts.scheme or parts.netloc else target


def sign_in_redirect() -> Response:
    """Redirect to the sign-in page, which leads back to the page that a GET request asked for.

    A script that asks for a part of a page gets a 401 answer that reloads the page.
    """
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    if wants_part():
        return reload_page()
    is_home = wanted is None or wanted == "/"
    return make_response(redirect(url_for("account.enter", next=None if is_home else wanted)))


def _guarded(view: View, rule: str) -> View:
    may_write = getattr(view, "writes_on_get", False)

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if request.method not in READING_METHODS or may_write:
            _check(rule, changes=request.method not in READING_METHODS)
            return view(*args, **kwargs)
        with read_only():
            _check(rule, changes=False)
            return view(*args, **kwargs)

    guarded.access_rule = rule  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def _check(rule: str, *, changes: bool) -> None:
    if rule == PUBLIC:
        return
    viewer = current_viewer()
    if not viewer.is_authenticated:
        raise SignInRequired
    if not is_allowed(rule, viewer.role, changes=changes):
        abort(403)
