"""One's own account: details, colours, time zone, password."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import ConflictError, FieldError
from webapp.services.notices.targets.contact_methods import read_contact_methods
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.factors.read_factors import summarize_factors
from webapp.services.people.own_sessions import list_sessions
from webapp.services.people.presence_ways import read_presence_ways
from webapp.services.people.read_users import read_user
from webapp.services.people.set_preferences import (
    UTC_NAME,
    list_time_zones,
    set_calls,
    set_theme,
    set_time_zone,
)
from webapp.services.people.throttle import ThrottledError
from webapp.web.access import for_oneself, safe_next
from webapp.web.answers import done
from webapp.web.errors import status_of
from webapp.web.form_errors import form_status, send_form, show_field_errors
from webapp.web.people.account_forms import (
    ChangePasswordForm,
    DetailsForm,
    PreferencesForm,
)
from webapp.web.people.blueprint import account
from webapp.web.people.own_password import change_as_typed
from webapp.web.presence import needs_presence
from webapp.web.throttling import wait_page
from webapp.web.viewer import require_viewer


@account.route("/preferences", methods=["GET", "POST"])
@for_oneself
def edit_preferences() -> ResponseReturnValue:
    """Show and save the viewer's colours and time zone, beside the forms about the account."""
    viewer = require_viewer()
    form = PreferencesForm(data=_preferences())
    if send_form(form, lambda: set_time_zone(viewer.id, form.time_zone.data)):
        set_theme(viewer.id, form.theme.data)
        return done("Saved.", url_for("account.edit_preferences"))
    return _preferences_page(form=form), form_status(form)


@account.post("/preferences/calls")
@for_oneself
def choose_calls() -> ResponseReturnValue:
    """Save how open pages call the viewer to new critical tickets."""
    set_calls(require_viewer().id, request.form.getlist("calls"))
    return done("Saved.", url_for("account.edit_preferences"))


@account.post("/preferences/details")
@for_oneself
@needs_presence
def edit_details() -> ResponseReturnValue:
    """Save the viewer's own name and address; a refused form is shown with what was typed."""
    viewer = require_viewer()
    form = DetailsForm()
    wanted = UserEdit(
        name=form.name.data or "",
        email=form.email.data or "",
        seen_name=form.seen_name.data,
        seen_email=form.seen_email.data,
    )
    try:
        edit_user(viewer.id, wanted, actor_id=viewer.id)
    except FieldError as error:
        show_field_errors(form, error)
        return _preferences_page(details_form=form), 400
    except ConflictError as error:
        return _preferences_page(details_form=form, problem=str(error)), status_of(error)
    return done("Saved.", url_for("account.edit_preferences"))


@account.post("/preferences/password")
@for_oneself
def change_password() -> ResponseReturnValue:
    """Change the viewer's own password; other sessions end, and this one gets another token."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            leads_to = url_for("account.edit_preferences")
            return change_as_typed(form.current_password, form.new_password, leads_to)
        except FieldError as error:
            show_field_errors(form, error)
        except ThrottledError as error:
            return wait_page(_preferences_page(password_form=form, problem=str(error)), error)
    return _preferences_page(password_form=form), 400


@account.post("/theme")
@for_oneself
def switch_theme() -> ResponseReturnValue:
    """Store the colours and go back to the page."""
    set_theme(require_viewer().id, request.form.get("theme", ""))
    return redirect(safe_next(request.form.get("next")), 303)


def _preferences() -> dict[str, str]:
    viewer = require_viewer()
    return {"theme": viewer.theme, "time_zone": viewer.time_zone or UTC_NAME}


def _preferences_page(
    *,
    form: PreferencesForm | None = None,
    details_form: DetailsForm | None = None,
    password_form: ChangePasswordForm | None = None,
    problem: str | None = None,
) -> str:
    """The page with its three forms; those that are None show what is stored."""
    user = read_user(require_viewer().id).user
    details_form = details_form or DetailsForm(formdata=None, obj=user)
    details_form.seen_name.data, details_form.seen_email.data = user.name, user.email
    return render_template(
        "people/preferences.html",
        form=form or PreferencesForm(formdata=None, data=_preferences()),
        details_form=details_form,
        password_form=password_form or ChangePasswordForm(formdata=None),
        ways=read_presence_ways(user.id),
        problem=problem,
        contact=read_contact_methods(user.id),
        factors=summarize_factors([user.id])[user.id],
        sessions=list_sessions(user.id),
        time_zones=list_time_zones(),
    )
