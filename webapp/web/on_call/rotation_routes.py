"""The page of on-call duty, and setting the rotation."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.on_call.edit_rotation import remove_rotation, set_rotation
from webapp.web.access import admin_only, signed_in
from webapp.web.answers import done
from webapp.web.edit_pages import EditAttempt
from webapp.web.on_call.blueprint import on_call
from webapp.web.on_call.forms import HandoverForm, chosen_people
from webapp.web.on_call.page import render_on_call
from webapp.web.viewer import require_viewer


@on_call.get("")
@signed_in
def show() -> ResponseReturnValue:
    """Show who is on call, the coming shifts, and the forms that the viewer may send."""
    return render_on_call()


@on_call.post("/rotation")
@admin_only
def set_up() -> ResponseReturnValue:
    """Save the rotation; a refused form is shown again with what was typed."""
    form = HandoverForm()
    people = chosen_people(request.form.getlist("person"))
    attempt = EditAttempt(
        form,
        lambda seen, by: set_rotation(form.values(people), actor_id=by, seen=seen),
    )
    if attempt.is_saved:
        return attempt.done("The rotation", url_for("on_call.show"))
    return render_on_call(form=form, attempt=attempt, people=people), attempt.status


@on_call.post("/rotation/delete")
@admin_only
def delete_rotation() -> ResponseReturnValue:
    """Delete the rotation; overrides stay."""
    remove_rotation(actor_id=require_viewer().id)
    return done("The rotation was deleted.", url_for("on_call.show"))
