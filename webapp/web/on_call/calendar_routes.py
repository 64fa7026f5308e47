"""The calendar of shifts: its secret address, and the calendar itself."""

from flask import Response, redirect, render_template, request, url_for
from flask import session as cookie_session
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.errors import NotFoundError
from webapp.services.on_call.calendar_feed import make_feed, read_calendar, stop_feed
from webapp.web.access import admin_only, public
from webapp.web.answers import SEE_OTHER, tell
from webapp.web.on_call.blueprint import on_call
from webapp.web.presence import needs_presence
from webapp.web.throttling import link_throttled
from webapp.web.viewer import require_viewer

HELD_SECRET = "calendar_secret"  # noqa: S105 - the name of a place
"""The key in the admin's cookie that holds a new secret until its page has shown it once."""


@on_call.get("/calendar")
@admin_only
def show_calendar() -> ResponseReturnValue:
    """Show the address that was just made, once; later visits only say that it was shown."""
    secret = cookie_session.pop(HELD_SECRET, None)
    return render_template("on_call/calendar.html", address=_address_of(secret) if secret else None)


@on_call.post("/calendar")
@admin_only
@needs_presence
def make_calendar() -> ResponseReturnValue:
    """Make a new address; an earlier one ends."""

    def _make() -> str:
        cookie_session[HELD_SECRET] = make_feed(actor_id=require_viewer().id)
        return "The calendar has a new address."

    tell(_make)
    page = "on_call.show_calendar" if HELD_SECRET in cookie_session else "on_call.show"
    return redirect(url_for(page), SEE_OTHER)


@on_call.post("/calendar/stop")
@admin_only
def stop_calendar() -> ResponseReturnValue:
    """Let the address end."""

    def _stop() -> str:
        stop_feed(actor_id=require_viewer().id)
        return "The calendar's address has ended."

    tell(_stop)
    return redirect(url_for("on_call.show"), SEE_OTHER)


@on_call.get("/calendar/<string:secret>.ics")
@public
@link_throttled
def send_calendar(secret: str) -> ResponseReturnValue:
    """The calendar, for everybody who has its address; no sign-in and no cookie."""
    try:
        return Response(read_calendar(secret), mimetype="text/calendar")
    except NotFoundError as error:
        return Response(f"{error}\n", 404, mimetype="text/plain")


def _address_of(secret: str) -> str:
    """The whole address, with the host of PUBLIC_URL or else of this request."""
    path = url_for("on_call.send_calendar", secret=secret)
    root = current_config().public_url or request.host_url
    return root.rstrip("/") + path
