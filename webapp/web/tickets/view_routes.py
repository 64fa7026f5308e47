"""Saved views of the ticket list."""

from urllib.parse import parse_qsl

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp.services.errors import FieldError, RefusedError, ServiceError
from webapp.services.tickets.saved_views import (
    VIEW_NAME_LENGTH,
    change_view,
    delete_view,
    list_views,
    may_change,
    save_view,
)
from webapp.web.access import signed_in
from webapp.web.answers import done
from webapp.web.params import YES
from webapp.web.tickets.blueprint import tickets
from webapp.web.tickets.list_links import ListLinks
from webapp.web.viewer import require_viewer


@tickets.get("/tickets/views")
@signed_in
def show_views() -> ResponseReturnValue:
    """Show all saved views that the viewer sees, to be renamed, shared and deleted."""
    return _page()


@tickets.post("/tickets/views")
@signed_in
def add_view() -> ResponseReturnValue:
    """Save the list's filters under a name; unknown filters are left out."""
    links = ListLinks(MultiDict(parse_qsl(request.form.get("query", ""))))
    name = request.form.get("name", "")
    try:
        view = save_view(
            name,
            links.query_string,
            actor_id=require_viewer().id,
            is_shared=request.form.get("is_shared") == YES,
        )
    except ServiceError as error:
        return _page(new=(name, links.query_string), problem=str(error)), 400
    return done(f"The view “{view.name}” was saved.", links.to())


@tickets.post("/tickets/views/<int:view_id>")
@signed_in
def edit_view(view_id: int) -> ResponseReturnValue:
    """Rename a view, share it or stop sharing it."""
    name = request.form.get("name", "")
    try:
        view = change_view(
            view_id,
            name,
            actor_id=require_viewer().id,
            is_shared=request.form.get("is_shared") == YES,
        )
    except FieldError as error:
        return _page(wrong=(view_id, name, str(error))), 400
    except RefusedError as error:
        return _page(problem=str(error)), 400
    return done(f"The view “{view.name}” was changed.", url_for("tickets.show_views"))


@tickets.post("/tickets/views/<int:view_id>/delete")
@signed_in
def remove_view(view_id: int) -> ResponseReturnValue:
    """Delete a view."""
    name = delete_view(view_id, actor_id=require_viewer().id)
    return done(f"The view “{name}” was deleted.", url_for("tickets.show_views"))


def _page(
    new: tuple[str, str] | None = None,
    wrong: tuple[int, str, str] | None = None,
    problem: str | None = None,
) -> str:
    """Render the page; what was typed is shown again.

    `new` is the name and query of a view that could not be saved. `wrong` is the id and name of a
    view that could not be changed, and why.
    """
    viewer = require_viewer()
    return render_template(
        "tickets/views.html",
        views=[
            (view, may_change(view, viewer.id, viewer.is_admin)) for view in list_views(viewer.id)
        ],
        new=new,
        wrong=wrong,
        problem=problem,
        name_length=VIEW_NAME_LENGTH,
    )
