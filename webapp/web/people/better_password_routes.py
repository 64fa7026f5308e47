"""The page that people are led to whose password does not fit the rules."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError
from webapp.services.people.throttle import ThrottledError
from webapp.web.access import for_oneself, safe_next
from webapp.web.answers import SEE_OTHER
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.gates import Gate
from webapp.web.people.account_forms import BetterPasswordForm
from webapp.web.people.blueprint import account
from webapp.web.people.own_password import change_as_typed
from webapp.web.throttling import wait_page
from webapp.web.viewer import require_viewer

PAGE = "people/better_password.html"

MUST_CHANGE_PASSWORD = Gate(
    endpoint="account.choose_better",
    words="choose a better password",
    is_closed=lambda viewer: viewer.must_change_password,
)


@account.route("/better-password", methods=["GET", "POST"])
@for_oneself
def choose_better() -> ResponseReturnValue:
    """Ask for a better password, then go on to the page that was wanted."""
    target = safe_next(request.args.get("next"))
    if not require_viewer().must_change_password:
        return redirect(target, SEE_OTHER)
    form = BetterPasswordForm()
    if form.validate_on_submit():
        try:
            return change_as_typed(form.current_password, form.new_password, target)
        except FieldError as error:
            show_field_errors(form, error)
        except ThrottledError as error:
            return wait_page(render_template(PAGE, form=form, problem=str(error)), error)
    return render_template(PAGE, form=form, problem=None), form_status(form)
