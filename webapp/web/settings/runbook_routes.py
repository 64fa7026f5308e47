"""The pages of runbooks: the list in order, the form with its preview, versions."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.runbooks.runbook_text import RUNBOOK_LENGTH, parse_runbook
from webapp.models import Runbook
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import ConflictError, FieldError, NotFoundError, RefusedError
from webapp.services.tickets.runbooks.edit_runbooks import (
    add_runbook,
    delete_runbook,
    edit_runbook,
    reset_runbook,
    restore_version,
    switch_runbook,
)
from webapp.services.tickets.runbooks.read_runbooks import (
    list_runbooks,
    read_runbook,
    read_runbook_version,
)
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, done
from webapp.web.drafts import take_draft
from webapp.web.edit_pages import SEEN, UP, EditAttempt
from webapp.web.form_errors import form_status, send_form
from webapp.web.person_limits import text_previews
from webapp.web.settings.blueprint import settings
from webapp.web.settings.forms import RunbookForm
from webapp.web.viewer import require_viewer

PREVIEW_OF_RUNBOOK = "preview"
TEMPLATE = "settings/runbook.html"


@settings.get("/runbooks")
@admin_only
def show_runbooks() -> ResponseReturnValue:
    """Show the runbooks in order."""
    return render_template("settings/runbooks.html", rows=list_runbooks())


@settings.route("/runbooks/new", methods=["GET", "POST"])
@admin_only
@text_previews
def new_runbook() -> ResponseReturnValue:
    """Show the form of a new runbook, preview it, and add it below the others."""
    form = RunbookForm()
    if _is_preview():
        return render_template(TEMPLATE, form=form, view=None, preview=_preview())
    added = send_form(form, lambda: add_runbook(form.values(), actor_id=require_viewer().id))
    if added:
        take_draft()
        return done(f"{added.name} was added below the others.", _list_url())
    return render_template(TEMPLATE, form=form, view=None, preview=None), form_status(form)


@settings.post("/runbooks/preview")
@admin_only
@text_previews
def preview_runbook() -> ResponseReturnValue:
    """The part of a page that previews the runbook being written."""
    return render_template("settings/_runbook_preview.html", blocks=_preview())


@settings.route("/runbooks/<int:runbook_id>", methods=["GET", "POST"])
@admin_only
@text_previews
def show_runbook(runbook_id: int) -> ResponseReturnValue:
    """Show a runbook with its form and versions, preview it, and save it."""
    view = read_runbook(runbook_id)
    form = RunbookForm(obj=view.runbook)
    form.offer(view.runbook)
    if _is_preview():
        seen = request.form.get(SEEN, view.seen)
        return render_template(TEMPLATE, form=form, view=view, preview=_preview(), version=seen)
    attempt = EditAttempt(
        form, lambda seen, by: edit_runbook(runbook_id, form.values(), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        take_draft()
        return attempt.done("The runbook", _url(runbook_id))
    if attempt.conflict:
        view = read_runbook(runbook_id)
    page = render_template(
        TEMPLATE,
        form=form,
        view=view,
        preview=None,
        attempt=attempt,
        version=attempt.version(view.seen),
    )
    return page, attempt.status


@settings.get("/runbooks/<int:runbook_id>/versions/<int:version>")
@admin_only
def show_runbook_version(runbook_id: int, version: int) -> ResponseReturnValue:
    """Show how the present text differs from an earlier version."""
    view = read_runbook_version(runbook_id, version)
    return render_template("settings/runbook_version.html", view=view)


@settings.post("/runbooks/<int:runbook_id>/versions/<int:version>/restore")
@admin_only
def restore_runbook_version(runbook_id: int, version: int) -> ResponseReturnValue:
    """Make an earlier text the present one."""
    return _act(
        runbook_id,
        lambda: restore_version(
            runbook_id, version, seen=request.form.get(SEEN), actor_id=require_viewer().id
        ),
        f"The text of version {version} is the present one again.",
    )


@settings.post("/runbooks/<int:runbook_id>/reset")
@admin_only
def reset_a_runbook(runbook_id: int) -> ResponseReturnValue:
    """Give a runbook what it came with."""
    return _act(
        runbook_id,
        lambda: reset_runbook(
            runbook_id, seen=request.form.get(SEEN), actor_id=require_viewer().id
        ),
        "The runbook is as it came with the product.",
    )


@settings.post("/runbooks/<int:runbook_id>/deactivate")
@admin_only
def deactivate_runbook(runbook_id: int) -> ResponseReturnValue:
    """Keep a runbook from being attached; tickets keep their checklists."""
    return _switch(runbook_id, is_active=False)


@settings.post("/runbooks/<int:runbook_id>/activate")
@admin_only
def activate_runbook(runbook_id: int) -> ResponseReturnValue:
    """Let a runbook be attached again."""
    return _switch(runbook_id, is_active=True)


@settings.post("/runbooks/<int:runbook_id>/move")
@admin_only
def move_a_runbook(runbook_id: int) -> ResponseReturnValue:
    """Move a runbook one place up or down."""
    is_up = request.form.get("direction") == UP
    return _act(
        runbook_id,
        lambda: move_row(Runbook, runbook_id, is_up=is_up, actor_id=require_viewer().id),
        "The order was saved.",
        leads_to=_list_url(),
    )


@settings.post("/runbooks/<int:runbook_id>/delete")
@admin_only
def delete_a_runbook(runbook_id: int) -> ResponseReturnValue:
    """Delete a runbook that did not come with the product."""
    return _act(
        runbook_id,
        lambda: delete_runbook(runbook_id, actor_id=require_viewer().id),
        "The runbook was deleted. Tickets keep their checklists.",
        leads_to=_list_url(),
    )


def _switch(runbook_id: int, *, is_active: bool) -> ResponseReturnValue:
    return _act(
        runbook_id,
        lambda: switch_runbook(runbook_id, is_active=is_active, actor_id=require_viewer().id),
        f"The runbook is {'active' if is_active else 'inactive'}.",
    )


def _act(
    runbook_id: int, action: Callable[[], object], words: str, *, leads_to: str | None = None
) -> ResponseReturnValue:
    """Run an action on a runbook; a refusal is said on its page, or on the list if it is gone."""
    try:
        action()
    except NotFoundError as error:
        flash(str(error), "warning")
        return redirect(_list_url(), SEE_OTHER)
    except (RefusedError, ConflictError, FieldError) as error:
        flash(str(error), "error")
        return redirect(_url(runbook_id), SEE_OTHER)
    return done(words, leads_to or _url(runbook_id))


def _is_preview() -> bool:
    return request.method == "POST" and PREVIEW_OF_RUNBOOK in request.form


def _preview() -> tuple[object, ...]:
    return parse_runbook(request.form.get("body", "")[:RUNBOOK_LENGTH])


def _list_url() -> str:
    return url_for("settings.show_runbooks")


def _url(runbook_id: int) -> str:
    return url_for("settings.show_runbook", runbook_id=runbook_id)
