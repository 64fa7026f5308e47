"""The pages of targets: the list, adding one, and one with its form."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.services.notices.targets.edit_targets import add_target, edit_target
from webapp.services.notices.targets.read_targets import (
    TargetView,
    has_no_targets,
    list_targets,
    read_target,
)
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, done
from webapp.web.edit_pages import EditAttempt
from webapp.web.form_errors import form_status, send_form
from webapp.web.notices.blueprint import notices
from webapp.web.notices.new_secret import show_secret_once
from webapp.web.notices.target_forms import TargetForm, build_form
from webapp.web.presence import needs_presence_to_send
from webapp.web.viewer import require_viewer


@notices.get("/targets")
@admin_only
def show_targets() -> ResponseReturnValue:
    """Show the targets of the team, and how each is doing."""
    return render_template("notices/targets.html", rows=list_targets())


@notices.route("/targets/new", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def new_target() -> ResponseReturnValue:
    """Choose a kind, then fill in the form that is made for it."""
    kind = _kind(request.args.get("kind"))
    if kind is None:
        return render_template("notices/choose_kind.html", kinds=KINDS)
    defaults = {"name": KINDS[kind].label, "tells_alarms": has_no_targets()}
    form = build_form(TargetForm, KINDS[kind].settings, data=defaults)
    added = send_form(
        form, lambda: add_target(kind, form.values(kind), actor_id=require_viewer().id)
    )
    if added is None:
        page = render_template("notices/new_target.html", form=form, kind=KINDS[kind])
        return page, form_status(form)
    words = f"{added.target.name} was added. Send a test, to see whether messages arrive."
    if added.new_secret:
        return show_secret_once(added.target.id, added.new_secret, words)
    return done(words, url_for("notices.show_target", target_id=added.target.id))


@notices.route("/targets/<int:target_id>", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def show_target(target_id: int) -> ResponseReturnValue:
    """Show a target with its form, and save edits."""
    view = read_target(target_id)
    kind = Kind(view.row.target.kind)
    form = _form(kind, view)
    attempt = EditAttempt(
        form, lambda seen, by: edit_target(target_id, form.values(kind), seen=seen, actor_id=by)
    )
    if attempt.is_saved:
        here = url_for("notices.show_target", target_id=target_id)
        return attempt.done(form.name.data, here)
    if attempt.conflict:
        view = read_target(target_id)
    page = render_template(
        "notices/target.html",
        view=view,
        kind=KINDS[kind],
        form=form,
        attempt=attempt,
    )
    return page, attempt.status


@notices.get("")
@admin_only
def show() -> ResponseReturnValue:
    """Lead to the first tab."""
    return redirect(url_for("notices.show_targets"), SEE_OTHER)


def _kind(text: str | None) -> Kind | None:
    return next((kind for kind in Kind if kind.value == text), None)


def _form(kind: Kind, view: TargetView) -> TargetForm:
    target = view.row.target
    stored = {
        "name": target.name,
        "tells_alarms": target.tells_alarms,
        "tells_summaries": target.tells_summaries,
        **view.settings.plain,
    }
    secrets = view.settings.secret
    form: TargetForm = build_form(TargetForm, KINDS[kind].settings, stored=secrets, data=stored)
    return form
