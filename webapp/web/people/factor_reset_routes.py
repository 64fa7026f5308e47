"""Resetting the second factors of somebody who has lost them."""

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError, RefusedError
from webapp.services.people.factors.read_factors import summarize_factors
from webapp.services.people.factors.reset_factors import reset_factors
from webapp.services.people.read_users import read_user
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.people.factor_forms import ResetFactorsForm
from webapp.web.presence import needs_presence_to_send
from webapp.web.viewer import require_viewer

factor_reset = Blueprint("factor_reset", __name__, url_prefix="/users")


@factor_reset.route("/<int:user_id>/reset-factors", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def reset(user_id: int) -> ResponseReturnValue:
    """Ask why, then remove every factor of a person and end their sessions."""
    row = read_user(user_id)
    form = ResetFactorsForm()
    problem = None
    if form.validate_on_submit():
        try:
            user = reset_factors(user_id, form.reason.data, actor_id=require_viewer().id)
        except FieldError as error:
            show_field_errors(form, error)
        except RefusedError as error:
            problem = str(error)
        else:
            words = f"{user.name} signs in with the password alone now, and is told so."
            return done(words, url_for("users.show", user_id=user_id))
    page = render_template(
        "people/reset_factors.html",
        row=row,
        form=form,
        problem=problem,
        summary=summarize_factors([user_id])[user_id],
    )
    return page, form_status(form)
