"""The person who looks at the page, found by the session cookie and held as plain values.

flask_login's `current_user` is a Viewer or an Anonymous; it needs no database once it is loaded.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, Request, Response, current_app, g, request
from flask_login import current_user

from webapp import clock
from webapp.domain.live.absence import Stay, absence_before
from webapp.domain.security.factor_rule import FactorDemand
from webapp.extensions import login_manager
from webapp.log_context import note_log_fields
from webapp.models import UserSession
from webapp.models.user import ROLE_AUDITOR
from webapp.services.audit import ORIGIN, Origin
from webapp.services.people.factors.demand import demand_of
from webapp.services.people.sessions import (
    PRESENT_FOR,
    TOUCHED_EVERY,
    Factor,
    Method,
    find_session,
    touch_session,
)
from webapp.services.people.set_preferences import THEMES, calls_of
from webapp.services.people.single_sign_on.local_passwords import read_password_use
from webapp.services.transactions import DATABASE_AWAY
from webapp.web.answers import wants_part
from webapp.web.cookies import SESSION, read_cookie

View = TypeVar("View", bound=Callable[..., Any])

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person, and the session they are in; times are UTC.

    `unread` is the number of unread items in their bell.
    `left_at` is when they were last there before an absence; see domain.live.absence.
    """

    id: int
    name: str
    email: str
    is_admin: bool
    time_zone: str | None
    theme: str
    role: str
    session_id: int
    session_ref: str
    begun_at: datetime
    seen_at: datetime
    present_at: datetime | None
    has_notes: bool
    list_settings: Mapping[str, Any] | None
    must_change_password: bool
    factor_demand: FactorDemand = FactorDemand.NOTHING
    factor_due_at: datetime | None = None
    is_held: bool = False
    unread: int = 0
    calls_by: tuple[str, ...] = ()
    left_at: datetime | None = None
    is_authenticated: bool = True

    @property
    def is_auditor(self) -> bool:
        """Whether this person sees everything and changes nothing."""
        return self.role == ROLE_AUDITOR

    @property
    def sees_all(self) -> bool:
        """Whether this person sees what admins see; an auditor changes none of it."""
        return self.is_admin or self.is_auditor

    @property
    def has_just_begun(self) -> bool:
        """Whether the session began within the last ten minutes."""
        return clock.utcnow() - self.begun_at < PRESENT_FOR

    @property
    def is_present(self) -> bool:
        """Whether the person showed who they are within the last ten minutes."""
        return self.present_at is not None and clock.utcnow() - self.present_at < PRESENT_FOR


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A visitor who is not signed in."""

    name: str = ""
    is_admin: bool = False
    is_auditor: bool = False
    sees_all: bool = False
    role: str = ""
    time_zone: str | None = None
    theme: str = THEMES[0]
    is_authenticated: bool = False


def init_viewer(app: Flask) -> None:
    """Let flask_login find the viewer by our cookie; flask_login stores nothing itself.

    Events that are recorded during a request note where it came from.
    """
    login_manager.anonymous_user = Anonymous
    login_manager.request_loader(_load)
    app.before_request(_note_origin)
    app.after_request(_touch)
    app.teardown_request(_forget_origin)


def asked_by_pages(view: View) -> View:
    """Let parts that open pages ask for by themselves not count as use of the session.

    Otherwise a page that is left open would keep its session from ever being idle. It stands below
    the access rule of the view. Whole pages are a person's: they count.
    """
    view.asked_by_pages = True  # type: ignore[attr-defined]
    return view


def asked_only_by_pages(view: View) -> View:
    """`asked_by_pages` for a view that answers nothing a person could look at by itself."""
    view.asked_only_by_pages = True  # type: ignore[attr-defined]
    return asked_by_pages(view)


def is_asked_by_pages(view: Callable[..., Any] | None) -> bool:
    """Whether a view carries `asked_by_pages`."""
    return getattr(view, "asked_by_pages", False)


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


def _load(request: Request) -> Viewer | None:
    if "is_database_down" in g:
        return None
    token = read_cookie(SESSION)
    found = find_session(token) if token else None
    if found is None:
        return None
    device = None if found.device is None else found.device.reference
    note_log_fields(user=found.user_id, session=found.reference)
    ORIGIN.set(Origin(request.remote_addr, found.reference, device))
    return _viewer_of(found)


def _note_origin() -> None:
    """Note the address at once; session and device follow when the viewer is looked up."""
    ORIGIN.set(Origin(request.remote_addr))


def _forget_origin(_error: BaseException | None) -> None:
    ORIGIN.set(Origin())


def _touch(response: Response) -> Response:
    """Note every few minutes that a person uses the session; it may fail without a database."""
    viewer = g.get("_login_user")
    if not isinstance(viewer, Viewer) or _asks_by_itself():
        return response
    if clock.utcnow() - viewer.seen_at >= TOUCHED_EVERY:
        with suppress(*DATABASE_AWAY):
            touch_session(viewer.session_id, viewer.id, request.remote_addr)
    return response


def _asks_by_itself() -> bool:
    """Whether an open page makes this request, and no person."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "asked_only_by_pages", False):
        return True
    return wants_part() and is_asked_by_pages(view)


def _viewer_of(found: UserSession) -> Viewer:
    """The viewer of a session, with what is asked of them."""
    user = found.user
    demand, due_at = _demand_in(found)
    return Viewer(
        id=user.id,
        name=user.name,
        email=user.email,
        is_admin=user.is_admin,
        time_zone=user.time_zone,
        theme=user.theme if user.theme in THEMES else THEMES[0],
        role=user.role,
        session_id=found.id,
        session_ref=found.reference or "",
        begun_at=found.created_at,
        seen_at=found.last_seen_at or found.created_at,
        present_at=found.present_at,
        has_notes=bool(found.has_notes),
        list_settings=user.list_settings,
        is_held=bool(found.is_held),
        unread=found.unread or 0,
        factor_demand=demand,
        factor_due_at=due_at,
        must_change_password=_must_change_password(found),
        calls_by=calls_of(user.live_settings),
        left_at=absence_before(
            [Stay(found.last_anywhere_at, found.left_anywhere_at)], clock.utcnow()
        ),
    )


def _must_change_password(found: UserSession) -> bool:
    """A weak password is asked to be changed of who came in with it and so knows it.

    Not while passwords are switched off for them: they could not choose a better one.
    """
    is_asked = found.user.must_change_password and found.method in (None, Method.PASSWORD)
    return is_asked and read_password_use(found.user_id)


def _demand_in(found: UserSession) -> tuple[FactorDemand, datetime | None]:
    """What is asked of the person of a session; an identity provider counts as their factor."""
    if found.factor == Factor.PROVIDER:
        return FactorDemand.NOTHING, None
    return demand_of(found.user)
