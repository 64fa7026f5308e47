"""Statuses."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.models import Status
from webapp.services.desk.edit_statuses import add_status, edit_status, make_default, move_status
from webapp.services.desk.read_desk import list_statuses, read_status
from webapp.services.errors import FieldError
from webapp.web.access import admin_only
from webapp.web.edit_pages import SEEN, EditAttempt, RowPages, yes_or_no
from webapp.web.form_errors import show_field_errors
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import YES, StatusForm
from webapp.web.viewer import require_viewer

UP = "up"

PAGES = RowPages(Status, "settings.show_status", "settings.show_statuses")


@settings.route("/statuses", methods=["GET", "POST"])
@admin_only
def show_statuses() -> ResponseReturnValue:
    """The statuses in order; sends the form that adds one."""
    form = StatusForm()
    if form.validate_on_submit():
        is_closed = form.is_closed.data == YES
        try:
            added = add_status(form.name.data, is_closed=is_closed, actor_id=require_viewer().id)
        except FieldError as error:
            show_field_errors(form, error)
        else:
            flash(f"{added.name} was added.", "success")
            return redirect(url_for("settings.show_statuses"), 303)
    status = 400 if form.is_submitted() else 200
    return render_template("settings/statuses.html", rows=list_statuses(), form=form), status


@settings.route("/statuses/<int:status_id>", methods=["GET", "POST"])
@admin_only
def show_status(status_id: int) -> ResponseReturnValue:
    """One status: its name, and whether its tickets are open."""
    view = read_status(status_id)
    is_closed = yes_or_no(getattr(view.row, "is_closed", False))
    form = StatusForm(data={"name": view.row.name, "is_closed": is_closed})

    def save() -> bool:
        return edit_status(
            status_id,
            form.name.data,
            is_closed=form.is_closed.data == YES,
            seen=request.form.get(SEEN, ""),
            actor_id=require_viewer().id,
        )

    attempt = EditAttempt(form, save)
    if attempt.is_saved:
        attempt.say("The status")
        return redirect(url_for("settings.show_statuses"), 303)
    if attempt.conflict:
        view = read_status(status_id)
    page = render_template("settings/status.html", view=view, form=form, attempt=attempt)
    return page, attempt.status


@settings.post("/statuses/<int:status_id>/move")
@admin_only
def move_a_status(status_id: int) -> ResponseReturnValue:
    """One place up or down."""
    is_up = request.form.get("direction") == UP
    return PAGES.act(
        status_id,
        lambda: move_status(status_id, is_up=is_up, actor_id=require_viewer().id),
        "The order was saved.",
        leads_to=url_for("settings.show_statuses"),
    )


@settings.post("/statuses/<int:status_id>/default")
@admin_only
def make_status_default(status_id: int) -> ResponseReturnValue:
    """Let new tickets begin in it."""
    return PAGES.act(
        status_id,
        lambda: make_default(status_id, require_viewer().id),
        "New tickets begin in this status now.",
        leads_to=url_for("settings.show_statuses"),
    )


@settings.post("/statuses/<int:status_id>/delete")
@admin_only
def delete_status(status_id: int) -> ResponseReturnValue:
    """Delete what nothing points to."""
    return PAGES.delete(status_id)
