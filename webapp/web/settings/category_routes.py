"""The page of a category or subcategory."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.models import Category
from webapp.services.desk.edit_boards import rename_category
from webapp.services.desk.read_desk import read_category
from webapp.web.access import admin_only
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import NameForm

PAGES = RowPages(Category, "settings.show_category", "settings.show")


@settings.route("/categories/<int:category_id>", methods=["GET", "POST"])
@admin_only
def show_category(category_id: int) -> ResponseReturnValue:
    """Show one category, and rename it."""
    view = read_category(category_id)
    form = NameForm(obj=view.category)
    attempt = EditAttempt(
        form, lambda seen, by: rename_category(category_id, form.name.data, seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The category", url_for("settings.show_board", board_id=view.board.id))
    if attempt.conflict:
        view = read_category(category_id)
    page = render_template("settings/category.html", view=view, form=form, attempt=attempt)
    return page, attempt.status


@settings.post("/categories/<int:category_id>/deactivate")
@admin_only
def deactivate_category(category_id: int) -> ResponseReturnValue:
    """Deactivate a category: it cannot be chosen any more, and its tickets stay."""
    return PAGES.deactivate(category_id)


@settings.post("/categories/<int:category_id>/activate")
@admin_only
def activate_category(category_id: int) -> ResponseReturnValue:
    """Activate a category, so that it can be chosen again."""
    return PAGES.activate(category_id)


@settings.post("/categories/<int:category_id>/delete")
@admin_only
def delete_category(category_id: int) -> ResponseReturnValue:
    """Delete a category that nothing points to."""
    board_url = url_for("settings.show_board", board_id=read_category(category_id).board.id)
    return PAGES.delete(category_id, leads_to=board_url)
