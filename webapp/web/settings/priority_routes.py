"""The pages of priorities."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from webapp.models import Priority
from webapp.services.desk.edit_priorities import COLOURS, add_priority, edit_priority, move_priority
from webapp.services.desk.read_desk import list_priorities, read_priority
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.form_errors import form_status, send_form
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import PriorityForm
from webapp.web.viewer import require_viewer

PAGES = RowPages(Priority, "settings.show_priority", "settings.show_priorities")


@settings.route("/priorities", methods=["GET", "POST"])
@admin_only
def show_priorities() -> ResponseReturnValue:
    """Show the priorities in order, and add one."""
    form = PriorityForm(data={"colour": COLOURS[-1]})
    added = send_form(
        form,
        lambda: add_priority(form.name.data, form.colour.data, actor_id=require_viewer().id),
    )
    if added:
        words = f"{added.name} was added as the least urgent priority."
        return done(words, url_for("settings.show_priorities"))
    page = render_template("settings/priorities.html", rows=list_priorities(), form=form)
    return page, form_status(form)


@settings.route("/priorities/<int:priority_id>", methods=["GET", "POST"])
@admin_only
def show_priority(priority_id: int) -> ResponseReturnValue:
    """Show one priority, and save its name and colour."""
    view = read_priority(priority_id)
    form = PriorityForm(obj=view.row)
    _keep_colour(form, getattr(view.row, "colour", ""))
    attempt = EditAttempt(
        form,
        lambda seen, by: edit_priority(
            priority_id, form.name.data, form.colour.data, seen=seen, actor_id=by
        ),
    )
    if attempt.is_saved:
        return attempt.done("The priority", url_for("settings.show_priorities"))
    if attempt.conflict:
        view = read_priority(priority_id)
    page = render_template("settings/priority.html", view=view, form=form, attempt=attempt)
    return page, attempt.status


@settings.post("/priorities/<int:priority_id>/move")
@admin_only
def move_a_priority(priority_id: int) -> ResponseReturnValue:
    """Move a priority one place up or down."""
    return PAGES.move(priority_id, move_priority)


@settings.post("/priorities/<int:priority_id>/delete")
@admin_only
def delete_priority(priority_id: int) -> ResponseReturnValue:
    """Delete a priority that nothing points to."""
    return PAGES.delete(priority_id)


def _keep_colour(form: PriorityForm, colour: str) -> None:
    """Offer the stored colour too, even if it is not one of COLOURS."""
    if colour not in COLOURS:
        form.colour.choices = [*form.colour.choices, SelectChoice(colour, colour.capitalize())]
