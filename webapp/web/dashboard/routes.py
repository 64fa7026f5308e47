"""The dashboard: how polling is doing, and what waits for a person."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.connection_health import read_connection_health
from webapp.services.errors import NotFoundError, ServiceError
from webapp.services.manage_polling import request_poll
from webapp.services.poll_outcome import count_words
from webapp.services.read_dashboard import read_dashboard
from webapp.task_queue import read_status
from webapp.web.access import signed_in
from webapp.web.dashboard.poll_words import phase_words, progress_words
from webapp.web.viewer import require_viewer

dashboard = Blueprint("dashboard", __name__)
dashboard.add_app_template_filter(count_words)
dashboard.add_app_template_filter(phase_words)
dashboard.add_app_template_global(progress_words)

CONNECTION_PAGE = "connection"


@dashboard.get("/")
@signed_in
def show() -> ResponseReturnValue:
    """The page."""
    config = current_config()
    return render_template(
        "dashboard/show.html",
        desk=read_dashboard(),
        queue=read_status(),
        is_enterprise=config.is_enterprise,
        calls_per_minute=config.huntress_calls_per_minute,
    )


@dashboard.get("/connections/<int:connection_id>/status")
@signed_in
def show_connection(connection_id: int) -> ResponseReturnValue:
    """One connection's card, asked for again and again while a poll runs."""
    return _card(connection_id)


@dashboard.post("/connections/<int:connection_id>/poll")
@signed_in
def poll(connection_id: int) -> ResponseReturnValue:
    """Ask for a poll; answers at once, the card shows how it goes."""
    is_fragment = bool(request.headers.get("HX-Request"))
    notice = None
    try:
        request_poll(
            connection_id,
            actor_id=require_viewer().id,
            sweep=request.form.get("sweep") == "yes",
        )
    except NotFoundError:
        raise
    except ServiceError as error:
        notice = str(error)
    if is_fragment:
        return _card(connection_id, notice)
    if notice:
        flash(notice, "error")
    anchor = f"connection-{connection_id}"
    if _place() == CONNECTION_PAGE:
        target = url_for("huntress.show", connection_id=connection_id, _anchor=anchor)
    else:
        target = url_for("dashboard.show", _anchor=anchor)
    return redirect(target, 303)


def _place() -> str | None:
    """Where the card stands: on the connection's own page (admins), else on the dashboard."""
    is_there = request.args.get("place") == CONNECTION_PAGE and require_viewer().is_admin
    return CONNECTION_PAGE if is_there else None


def _card(connection_id: int, notice: str | None = None) -> str:
    return render_template(
        "dashboard/_connection.html",
        place=_place(),
        connection=read_connection_health(connection_id),
        queue=read_status(),
        calls_per_minute=current_config().huntress_calls_per_minute,
        notice=notice,
    )
