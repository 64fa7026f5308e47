"""The calendar of shifts: its secret address, and the calendar itself."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.on_call.calendar_feed import make_feed, read_calendar, stop_feed
from webapp.web.access import admin_only, public
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.on_call.blueprint import on_call
from webapp.web.presence import needs_presence
from webapp.web.throttling import link_throttled
from webapp.web.viewer import require_viewer


@on_call.get("/calendar")
@admin_only
def show_calendar() -> ResponseReturnValue:
    """Say that the address is shown only once, to whoever opens this page again."""
    return render_template("on_call/calendar.html", address=None)


@on_call.post("/calendar")
@admin_only
@needs_presence
def make_calendar() -> ResponseReturnValue:
    """Make a new address, shown in this one answer; an earlier one ends."""
    try:
        secret = make_feed(actor_id=require_viewer().id)
    except RefusedError as error:
        return done(str(error), url_for("on_call.show"), "error")
    flash("The calendar has a new address.", "success")
    return render_template("on_call/calendar.html", address=_address_of(secret))


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
