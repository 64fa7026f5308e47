"""The pages of boards, which also add categories."""

from flask import render_template
from flask.typing import ResponseReturnValue

from webapp.models import Board
from webapp.services.desk.edit_boards import add_board, add_category, rename_board
from webapp.services.desk.read_desk import BoardView, list_boards, read_board
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.edit_pages import EditAttempt, RowPages
from webapp.web.form_errors import form_status, send_form
from webapp.web.page_context import option_pairs
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import CategoryForm, NameForm
from webapp.web.viewer import require_viewer

PREFIX = "category"
"""The prefix of the fields of the page's second form, which keeps them apart from the first."""

PAGES = RowPages(Board, "settings.show_board", "settings.show")


@settings.route("", methods=["GET", "POST"])
@admin_only
def show() -> ResponseReturnValue:
    """Show the boards, and add one."""
    form = NameForm()
    added = send_form(form, lambda: add_board(form.name.data, actor_id=require_viewer().id))
    if added:
        return PAGES.added(added)
    page = render_template("settings/boards.html", boards=list_boards(), form=form)
    return page, form_status(form)


@settings.route("/boards/<int:board_id>", methods=["GET", "POST"])
@admin_only
def show_board(board_id: int) -> ResponseReturnValue:
    """Show one board with its categories, and rename it."""
    view = read_board(board_id)
    form = NameForm(obj=view.board)
    attempt = EditAttempt(
        form, lambda seen, by: rename_board(board_id, form.name.data, seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        return attempt.done("The board", PAGES.url(board_id))
    if attempt.conflict:
        view = read_board(board_id)
    return _board_page(view, form, _category_form(view, is_sent=False), attempt), attempt.status


@settings.post("/boards/<int:board_id>/categories")
@admin_only
def new_category(board_id: int) -> ResponseReturnValue:
    """Add a category to a board."""
    view = read_board(board_id)
    form = _category_form(view, is_sent=True)
    added = send_form(
        form,
        lambda: add_category(
            board_id, form.name.data, form.parent_id.chosen, actor_id=require_viewer().id
        ),
    )
    if added:
        return done(f"{added.name} was added.", PAGES.url(board_id))
    rename_form = NameForm(formdata=None, obj=view.board)
    return _board_page(view, rename_form, form, None), form_status(form)


@settings.post("/boards/<int:board_id>/deactivate")
@admin_only
def deactivate_board(board_id: int) -> ResponseReturnValue:
    """Deactivate a board: it cannot be chosen any more, and its tickets stay."""
    return PAGES.deactivate(board_id)


@settings.post("/boards/<int:board_id>/activate")
@admin_only
def activate_board(board_id: int) -> ResponseReturnValue:
    """Activate a board, so that it can be chosen again."""
    return PAGES.activate(board_id)


@settings.post("/boards/<int:board_id>/delete")
@admin_only
def delete_board(board_id: int) -> ResponseReturnValue:
    """Delete a board that nothing points to."""
    return PAGES.delete(board_id)


def _category_form(view: BoardView, *, is_sent: bool) -> CategoryForm:
    form = CategoryForm(prefix=PREFIX) if is_sent else CategoryForm(formdata=None, prefix=PREFIX)
    form.parent_id.offer("No other category", option_pairs(one.category for one in view.categories))
    return form


def _board_page(
    view: BoardView, form: NameForm, category_form: CategoryForm, attempt: EditAttempt | None
) -> str:
    return render_template(
        "settings/board.html", view=view, form=form, category_form=category_form, attempt=attempt
    )
