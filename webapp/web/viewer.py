"""The person who looks at the page, found by the session cookie and held as plain values.

flask_login's `current_user` is a Viewer or an Anonymous; it needs no database once it is loaded.
"""

from dataclasses import dataclass
from datetime import tzinfo
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, Request, Response, current_app, g
from flask_login import current_user

from webapp.extensions import login_manager
from webapp.log_context import note_log_fields
from webapp.models import User
from webapp.services.people.set_preferences import THEMES
from webapp.services.people.sign_in import SESSION_LIFETIME, find_session

COOKIE = "triagedesk_login"
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person."""

    id: int
    name: str
    email: str
    is_admin: bool
    is_auditor: bool
    time_zone: str | None
    theme: str
    is_authenticated: bool = True

    @property
    def sees_all(self) -> bool:
        """Whether this person sees what admins see; an auditor changes none of it."""
        return self.is_admin or self.is_auditor


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A visitor who is not signed in."""

    name: str = ""
    is_admin: bool = False
    is_auditor: bool = False
    time_zone: str | None = None
    theme: str = THEMES[0]
    is_authenticated: bool = False
    sees_all: bool = False


def init_viewer(app: Flask) -> None:
    """Let flask_login find the viewer by our cookie; flask_login stores nothing itself."""
    login_manager.anonymous_user = Anonymous
    login_manager.request_loader(_load)


def require_viewer() -> Viewer:
    """The signed-in person; only for routes whose access rule requires one."""
    viewer = current_viewer()
    if not isinstance(viewer, Viewer):
        raise LookupError("nobody is signed in")
    return viewer


def current_viewer() -> Viewer | Anonymous:
    """The person or visitor who looks at this page."""
    return cast(Viewer | Anonymous, current_user._get_current_object())


def forget_viewer() -> None:
    """Treat the visitor as not signed in for this request, because the database fails."""
    g.is_database_down = True


def zone_of(viewer: Viewer | Anonymous) -> tzinfo:
    """The zone in which the viewer's times are shown; UTC if none or an unknown one is chosen."""
    try:
        return ZoneInfo(viewer.time_zone) if viewer.time_zone else UTC_ZONE
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones raises OSError
        return UTC_ZONE


def remember_session(response: Response, token: str) -> None:
    """Put the session's token into the cookie."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
    )


def _load(request: Request) -> Viewer | None:
    if "is_database_down" in g:
        return None
    token = request.cookies.get(COOKIE)
    found = find_session(token) if token and len(token) < 200 else None
    if found is None:
        return None
    note_log_fields(user=found.user.id)
    return _viewer_of(found.user)


def _viewer_of(user: User) -> Viewer:
    theme = user.theme if user.theme in THEMES else THEMES[0]
    return Viewer(
        id=user.id,
        name=user.name,
        email=user.email,
        is_admin=user.is_admin,
        is_auditor=user.is_auditor,
        time_zone=user.time_zone,
        theme=theme,
    )
