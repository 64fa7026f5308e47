"""Dangerous actions ask once more who is there, unless the person has shown it in the last minutes.

Whoever finds an unlocked screen, or steals a cookie, cannot take over accounts with it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, make_response, redirect, render_template, request, url_for

from webapp.services.people.presence_ways import read_presence_ways
from webapp.web.access import READING_METHODS, safe_next
from webapp.web.answers import wants_part
from webapp.web.same_session import CSRF_KEY
from webapp.web.viewer import Viewer, require_viewer

View = TypeVar("View", bound=Callable[..., Any])
CONFIRM_PREFIX = "confirm_"
NOT_PRESENT = 403
ALWAYS, TO_SEND = "always", "to send"
"""When a view asks: whatever is asked of it, or only before a form is taken."""


def needs_presence(view: View) -> View:
    """Ask for a password or factor first; it stands below the access rule of the view.

    What was sent by a form goes on once that was shown, and nothing has to be typed again.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if require_viewer().is_present:
            return view(*args, **kwargs)
        return _ask()

    guarded.needs_presence = ALWAYS  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def needs_presence_but_for_first(view: View) -> View:
    """needs_presence() for setting up a factor, which somebody may do who has nothing to show yet.

    That is who came from a provider that does not say when it saw them, and has neither password
    nor factor. They may in the first ten minutes of a session, since there is no other way for
    them ever to be present.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        viewer = require_viewer()
        if viewer.is_present or _has_nothing_yet(viewer):
            return view(*args, **kwargs)
        return _ask()

    guarded.needs_presence = ALWAYS  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def needs_presence_to_send(view: View) -> View:
    """needs_presence() for a view that shows a form as well: only sending it asks."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if request.method in READING_METHODS or require_viewer().is_present:
            return view(*args, **kwargs)
        return _ask()

    guarded.needs_presence = TO_SEND  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def confirm_page(
    target: str, fields: list[tuple[str, str]], *, failure: str | None = None, is_form: bool
) -> str:
    """The page that asks; `fields` are sent on to `target` if it was a form."""
    return render_template(
        "people/confirm.html",
        target=target,
        fields=fields,
        failure=failure,
        is_form=is_form,
        ways=read_presence_ways(require_viewer().id),
    )


def held_fields() -> list[tuple[str, str]]:
    """What a form had sent, to be sent on; the fields of the asking page itself are left out."""
    return [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != CSRF_KEY and not name.startswith(CONFIRM_PREFIX)
    ]


def _has_nothing_yet(viewer: Viewer) -> bool:
    is_unseen = viewer.present_at is None and viewer.has_just_begun
    return is_unseen and not read_presence_ways(viewer.id).is_anything_here


def _ask() -> Response:
    """Ask on a page of its own; a script that wants a part of a page is led there as well."""
    wanted = request.full_path.rstrip("?")
    if wants_part():
        response = make_response("", NOT_PRESENT)
        response.headers["HX-Redirect"] = url_for("account.confirm", next=_page_before())
        return response
    if request.method in READING_METHODS:
        return make_response(redirect(url_for("account.confirm", next=wanted), 303))
    return make_response(confirm_page(wanted, held_fields(), is_form=True), NOT_PRESENT)


def _page_before() -> str:
    return safe_next(request.headers.get("HX-Current-URL", "").partition(request.host)[2])
