"""The pages of statuses."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.models import Status
from webapp.services.desk.edit_statuses import add_status, edit_status, make_default, move_status
from webapp.services.desk.read_desk import list_statuses, read_status
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.form_errors import form_status, send_form
from webapp.web.params import YES, yes_or_no
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import StatusForm
from webapp.web.viewer import require_viewer

PAGES = RowPages(Status, "settings.show_status", "settings.show_statuses")


@settings.route("/statuses", methods=["GET", "POST"])
@admin_only
def show_statuses() -> ResponseReturnValue:
    """Show the statuses in order, and add one."""
    form = StatusForm()
    added = send_form(
        form,
        lambda: add_status(
            form.name.data, is_closed=form.is_closed.data == YES, actor_id=require_viewer().id
        ),
    )
    if added:
        return done(f"{added.name} was added.", url_for("settings.show_statuses"))
    page = render_template("settings/statuses.html", rows=list_statuses(), form=form)
    return page, form_status(form)


@settings.route("/statuses/<int:status_id>", methods=["GET", "POST"])
@admin_only
def show_status(status_id: int) -> ResponseReturnValue:
    """Show one status, and save its name and whether its tickets are closed."""
    view = read_status(status_id)
    is_closed = yes_or_no(getattr(view.row, "is_closed", False))
    form = StatusForm(data={"name": view.row.name, "is_closed": is_closed})
    attempt = EditAttempt(
        form,
        lambda seen, by: edit_status(
            status_id,
            form.name.data,
            is_closed=form.is_closed.data == YES,
            seen=seen,
            actor_id=by,
        ),
    )
    if attempt.is_saved:
        return attempt.done("The status", url_for("settings.show_statuses"))
    if attempt.conflict:
        view = read_status(status_id)
    page = render_template("settings/status.html", view=view, form=form, attempt=attempt)
    return page, attempt.status


@settings.post("/statuses/<int:status_id>/move")
@admin_only
def move_a_status(status_id: int) -> ResponseReturnValue:
    """Move a status one place up or down."""
    return PAGES.move(status_id, move_status)


@settings.post("/statuses/<int:status_id>/default")
@admin_only
def make_status_default(status_id: int) -> ResponseReturnValue:
    """Make a status the one that new tickets get."""
    return PAGES.act(
        status_id,
        lambda: make_default(status_id, require_viewer().id),
        "New tickets begin in this status now.",
    )


@settings.post("/statuses/<int:status_id>/delete")
@admin_only
def delete_status(status_id: int) -> ResponseReturnValue:
    """Delete a status that nothing points to."""
    return PAGES.delete(status_id)
