"""The page that people are led to whose password does not fit the rules."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services.people.change_password import change_own_password
from webapp.services.people.password_rules import strength_of
from webapp.services.people.read_users import read_user
from webapp.web.access import safe_next, signed_in
from webapp.web.answers import SEE_OTHER, done
from webapp.web.form_errors import form_status, send_form
from webapp.web.gates import Gate
from webapp.web.people.account_forms import BetterPasswordForm
from webapp.web.people.account_routes import throttled
from webapp.web.viewer import COOKIE, require_viewer

better_password = Blueprint("better_password", __name__)

MUST_CHANGE_PASSWORD = Gate(
    endpoint="better_password.choose",
    words="choose a better password",
    is_closed=lambda viewer: viewer.must_change_password,
)


@better_password.route("/better-password", methods=["GET", "POST"])
@signed_in
@throttled
def choose() -> ResponseReturnValue:
    """Ask for a better password, then go on to the page that was wanted."""
    viewer = require_viewer()
    target = safe_next(request.args.get("next"))
    if not viewer.must_change_password:
        return redirect(target, SEE_OTHER)
    form = BetterPasswordForm()
    if send_form(form, lambda: _change(form)):
        strength = strength_of(read_user(viewer.id).user, form.new_password.data)
        return done(f"Your new password is {strength}. You are signed out everywhere else.", target)
    return render_template("people/better_password.html", form=form), form_status(form)


def _change(form: BetterPasswordForm) -> bool:
    change_own_password(
        require_viewer().id,
        form.current_password.data,
        form.new_password.data,
        kept_token=request.cookies.get(COOKIE),
    )
    return True
