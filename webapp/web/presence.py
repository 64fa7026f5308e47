"""Dangerous actions ask once more who is there, unless the person has shown it in the last minutes.

Whoever finds an unlocked screen, or steals a cookie, cannot take over accounts with it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import ImmutableMultiDict

from webapp.services.people.held_secrets import Fields, open_fields, seal_fields
from webapp.services.people.presence_ways import read_presence_ways
from webapp.web.access import READING_METHODS, safe_next
from webapp.web.answers import wants_part
from webapp.web.same_session import CSRF_KEY
from webapp.web.secret_fields import is_secret_field
from webapp.web.viewer import Viewer, require_viewer

View = TypeVar("View", bound=Callable[..., Any])
CONFIRM_PREFIX = "confirm_"
SEALED = f"{CONFIRM_PREFIX}secrets"
"""The field that holds what no page may show, encrypted."""
NOT_PRESENT = 403
ALWAYS, TO_SEND = "always", "to send"
"""When a view asks: whatever is asked of it, or only before a form is taken."""


def needs_presence(view: View) -> View:
    """Ask for a password or factor first; it stands below the access rule of the view.

    What was sent by a form goes on once that was shown, and nothing has to be typed again.
    """
    return _guarded(view, ALWAYS, lambda _viewer: False)


def needs_presence_but_for_first(view: View) -> View:
    """needs_presence() for setting up a factor, which somebody may do who has nothing to show yet.

    That is who came from a provider that does not say when it saw them, and has neither password
    nor factor. They may in the first ten minutes of a session, since there is no other way for
    them ever to be present.
    """
    return _guarded(view, ALWAYS, _has_nothing_yet)


def needs_presence_to_send(view: View) -> View:
    """needs_presence() for a view that shows a form as well: only sending it asks."""
    return _guarded(view, TO_SEND, lambda _viewer: request.method in READING_METHODS)


def confirm_page(target: str, fields: Fields, *, failure: str | None = None, is_form: bool) -> str:
    """The page that asks; `fields` are sent on to `target` if it was a form."""
    return render_template(
        "people/confirm.html",
        target=target,
        fields=fields,
        failure=failure,
        is_form=is_form,
        ways=read_presence_ways(require_viewer().id),
    )


def held_fields() -> Fields:
    """What a form had sent, to be sent on; the fields of the asking page itself are left out.

    Secrets among it are in one field together, encrypted.
    """
    typed = [
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != CSRF_KEY and not name.startswith(CONFIRM_PREFIX)
    ]
    sealed = request.form.get(SEALED)
    if secrets := [one for one in typed if is_secret_field(one[0])]:
        sealed = seal_fields(require_viewer().session_id, secrets)
    plain = [one for one in typed if not is_secret_field(one[0])]
    return [*plain, (SEALED, sealed)] if sealed else plain


def _guarded(view: View, asks: str, is_let_by: Callable[[Viewer], bool]) -> View:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        viewer = require_viewer()
        _open_held(viewer)
        if viewer.is_present or is_let_by(viewer):
            return view(*args, **kwargs)
        return _ask()

    guarded.needs_presence = asks  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def _open_held(viewer: Viewer) -> None:
    """Put the secrets of a form that was held back where they were typed. Raises RefusedError."""
    if sealed := request.form.get(SEALED):
        sent = [one for one in request.form.items(multi=True) if one[0] != SEALED]
        opened = open_fields(viewer.session_id, sealed)
        request.form = ImmutableMultiDict([*sent, *opened])


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
