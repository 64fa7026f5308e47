"""What may be sent: forms, as browsers send them, and how large a request may be.

Files are taken only where they belong, and from people who may.

Larger requests are refused before they are read. What is read of files goes to temporary files, so
that memory stays bounded (Werkzeug does so from 500 KB on).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, request

from webapp.domain.attaching.limits import MEGABYTE
from webapp.extensions import current_config
from webapp.models.user import ROLE_AUDITOR
from webapp.services.people.sessions import find_session
from webapp.web.access import READING_METHODS
from webapp.web.cookies import SESSION, read_cookie

View = TypeVar("View", bound=Callable[..., Any])

MAX_REQUEST_BYTES = 16 * MEGABYTE
UNSUPPORTED = 415
BESIDE_FILES = MEGABYTE
"""Room for the fields of a form beside its files."""


def takes_files(view: View) -> View:
    """Let a route take as many bytes of files as a ticket; it stands below the access rule."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def are_files_taken() -> bool:
    """Whether the route of this request takes files."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "takes_files", False)


def init_request_sizes(app: Flask) -> None:
    """Set the limits; this comes before whatever reads a form, such as the check of its token."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES

    @app.before_request
    def _make_room() -> None:
        if (request.content_length or 0) > MAX_REQUEST_BYTES and are_files_taken() and _may_send():
            request.max_content_length = current_config().file_limits.ticket_bytes + BESIDE_FILES


def _may_send() -> bool:
    token = read_cookie(SESSION)
    found = find_session(token) if token else None
    return found is not None and found.user.role != ROLE_AUDITOR


def init_content_types(app: Flask) -> None:
    """Refuse JSON before any view runs: forms would be filled from whatever shape it has."""

    @app.before_request
    def _refuse_json() -> None:
        if request.is_json and request.method not in READING_METHODS:
            abort(UNSUPPORTED)
