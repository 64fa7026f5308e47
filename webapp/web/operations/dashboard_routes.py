"""The dashboard, which shows how polling goes and what waits for a person."""

from datetime import datetime, timedelta
from math import ceil

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.extensions import current_config
from webapp.services.connections.connection_health import (
    ConnectionHealth,
    read_connection_health,
    read_connections_health,
)
from webapp.services.edition import has_integration
from webapp.services.errors import RefusedError
from webapp.services.notices.mute_client import list_mutes
from webapp.services.operations.dashboard_figures import SEVERITIES
from webapp.services.operations.desk_cards import Reader
from webapp.services.operations.desk_news import read_desk_news
from webapp.services.operations.read_banner import (
    Banner,
    banner_of,
    read_banner,
    what_stops_polls,
)
from webapp.services.operations.read_dashboard import DeskView, read_dashboard, read_desk_view
from webapp.services.polling.manage_polling import request_poll
from webapp.services.polling.move_tickets import list_move_offers
from webapp.services.polling.outcome import count_words
from webapp.services.watch.list_alarms import read_alarms
from webapp.task_queue import read_queue_status
from webapp.web.access import public, signed_in
from webapp.web.answers import wants_part
from webapp.web.operations.dashboard_charts import compare_times, stack_days
from webapp.web.operations.dashboard_words import phase_words, progress_words
from webapp.web.params import YES
from webapp.web.person_limits import polls
from webapp.web.tickets.live_answers import live_answer
from webapp.web.viewer import (
    asked_by_pages,
    asked_only_by_pages,
    current_viewer,
    require_viewer,
    zone_of,
)

dashboard = Blueprint("dashboard", __name__)
dashboard.add_app_template_filter(count_words)
dashboard.add_app_template_filter(phase_words)
dashboard.add_app_template_global(progress_words)

CONNECTION_PAGE = "connection"


FOLDED_FROM = 3
"""From this many connections on, a list shows all; those that are not well or busy have cards."""


@dashboard.get("/")
@signed_in
def show() -> ResponseReturnValue:
    """Show the dashboard."""
    config = current_config()
    viewer = require_viewer()
    page = read_dashboard(zone_of(viewer), _reader())
    g.judged_connections = page.connections
    is_folded = len(page.connections) >= FOLDED_FROM
    return render_template(
        "operations/dashboard.html",
        page=page,
        zone=zone_of(viewer),
        is_folded=is_folded,
        quiet=[one for one in page.connections if is_folded and not _needs_eyes(one)],
        queue=read_queue_status(),
        move_offers=list_move_offers() if viewer.is_admin and has_integration() else [],
        muted=list_mutes(),
        is_available=has_integration(),
        is_local_only=not config.public_url and not config.is_demo,
        calls_per_minute=config.huntress_calls_per_minute,
        **_desk_values(page.desk),
    )


@dashboard.get("/dashboard/cards")
@signed_in
@asked_by_pages
def show_desk() -> ResponseReturnValue:
    """The part with the cards of tickets, which the page requests when something has changed."""
    desk = read_desk_view(zone_of(require_viewer()), _reader())
    return render_template("operations/_desk.html", desk=desk, **_desk_values(desk))


@dashboard.get("/dashboard/live")
@signed_in
@asked_only_by_pages
def live_desk() -> ResponseReturnValue:
    """Whether anything has changed that the dashboard shows."""
    return live_answer(read_desk_news())


@dashboard.get("/alarms")
@signed_in
@asked_by_pages
def show_alarms() -> ResponseReturnValue:
    """The part with the alarms that go on, which the page requests repeatedly."""
    return render_template("operations/_alarms.html", alarms=read_alarms())


@dashboard.get("/connections/summary")
@signed_in
@asked_by_pages
def show_polling() -> ResponseReturnValue:
    """The part with all connections at a glance, which the page requests repeatedly."""
    return render_template("operations/_polling.html", connections=read_connections_health())


@dashboard.get("/connections/<int:connection_id>/status")
@signed_in
@asked_by_pages
def show_connection(connection_id: int) -> ResponseReturnValue:
    """The card of one connection, which the page requests repeatedly while a poll runs."""
    return _card(connection_id)


@dashboard.post("/connections/<int:connection_id>/poll")
@signed_in
@polls
def poll(connection_id: int) -> ResponseReturnValue:
    """Request a poll and answer at once; the card shows the progress."""
    notice = None
    try:
        request_poll(
            connection_id,
            actor_id=require_viewer().id,
            sweep=request.form.get("sweep") == YES,
        )
    except RefusedError as error:
        notice = str(error)
    if wants_part():
        return _card(connection_id, notice)
    if notice:
        flash(notice, "error")
    anchor = f"connection-{connection_id}"
    if _place() == CONNECTION_PAGE:
        target = url_for("connections.show", connection_id=connection_id, _anchor=anchor)
    else:
        target = url_for("dashboard.show", _anchor=anchor)
    return redirect(target, 303)


@dashboard.get("/polling-banner")
@public
@asked_by_pages
def show_banner() -> ResponseReturnValue:
    """The part at the top of every page that says where polling is not well.

    Whoever is not signed in is told only that, so that no page is reloaded under what was typed.
    """
    return render_template("operations/_banner.html")


dashboard.add_app_template_global(what_stops_polls)


@dashboard.app_template_global()
def polling_banner() -> Banner | None:
    """What is not well with polling; None if all is well, or the database cannot be asked."""
    try:
        if "judged_connections" in g:
            return banner_of(g.judged_connections)
        return read_banner() if current_viewer().is_authenticated else None
    except SQLAlchemyError:
        return None


def _place() -> str | None:
    """The place of the card: the connection's own page (only admins see it), or the dashboard."""
    is_there = request.args.get("place") == CONNECTION_PAGE and require_viewer().sees_all
    return CONNECTION_PAGE if is_there else None


def _needs_eyes(connection: ConnectionHealth) -> bool:
    return not connection.judgement.is_well or connection.is_busy


def _reader() -> Reader:
    viewer = require_viewer()
    return Reader(viewer.id, viewer.left_at)


def _desk_values(desk: DeskView) -> dict[str, object]:
    """The values that templates/operations/_desk.html and _figures.html need besides `desk`."""
    figures = desk.figures
    if figures is None:
        return {}
    return {
        "recent_hours": ceil((clock.utcnow() - desk.since) / timedelta(hours=1)),
        "incident_chart": stack_days(figures.days),
        "first_touch": compare_times(figures.first_touch),
        "close": compare_times(figures.close),
        "severities": SEVERITIES,
        "severity_links": {word: _of_severity(word, figures.since) for word in SEVERITIES},
    }


def _of_severity(word: str, since: datetime) -> str:
    """The address of the tickets that belong to these incidents."""
    hours = ceil((clock.utcnow() - since) / timedelta(hours=1))
    return url_for("tickets.show_list", severity=word, within=hours)


def _card(connection_id: int, notice: str | None = None) -> str:
    return render_template(
        "operations/_connection.html",
        place=_place(),
        connection=read_connection_health(connection_id),
        queue=read_queue_status(),
        calls_per_minute=current_config().huntress_calls_per_minute,
        notice=notice,
    )
