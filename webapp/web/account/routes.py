"""Setting up the first admin, signing in and out, preferences."""

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie_session
from flask.typing import ResponseReturnValue

from webapp.extensions import limiter
from webapp.services.errors import FieldError, ServiceError
from webapp.services.first_admin import create_first_admin, is_setup_open
from webapp.services.set_preferences import set_theme, set_time_zone
from webapp.services.sign_in import SignInError, sign_in, sign_out
from webapp.web.access import public, safe_next, signed_in
from webapp.web.account.forms import PreferencesForm, SetupForm, SignInForm
from webapp.web.form_errors import show_field_errors
from webapp.web.viewer import COOKIE, current_viewer, remember_session, require_viewer

account = Blueprint("account", __name__)

ATTEMPTS = "10 per minute; 100 per hour"


def _has_failed(response: Response) -> bool:
    return response.status_code >= 400


throttled = limiter.limit(ATTEMPTS, methods=["POST"], deduct_when=_has_failed)


@account.route("/setup", methods=["GET", "POST"])
@public
@throttled
def set_up() -> ResponseReturnValue:
    """Create the first admin and sign them in; closed once there is a user."""
    if not is_setup_open():
        return redirect(url_for("account.enter"))
    form = SetupForm()
    status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            create_first_admin(form.token.data, form.email.data, form.name.data, form.password.data)
        except FieldError as error:
            show_field_errors(form, error)
        except ServiceError as error:
            form.token.errors = [str(error)]
        else:
            flash("You are set up. This is your dashboard.", "success")
            return _signed_in(form.email.data, form.password.data, url_for("dashboard.show"))
    return render_template("account/setup.html", form=form), status


@account.route("/sign-in", methods=["GET", "POST"])
@public
@throttled
def enter() -> ResponseReturnValue:
    """Ask for address and password."""
    if is_setup_open():
        return redirect(url_for("account.set_up"))
    target = safe_next(request.args.get("next"))
    if request.method == "GET" and current_viewer().is_authenticated:
        return redirect(target)
    form = SignInForm()
    status = 400 if form.is_submitted() else 200
    failure = None
    if form.validate_on_submit():
        try:
            return _signed_in(form.email.data, form.password.data, target)
        except SignInError as error:
            failure = str(error)
    return render_template("account/sign_in.html", form=form, failure=failure), status


@account.post("/sign-out")
@public
def leave() -> ResponseReturnValue:
    """End the session here and in the database."""
    token = request.cookies.get(COOKIE)
    if token:
        sign_out(token)
    cookie_session.clear()
    flash("You are signed out.", "info")
    response = make_response(redirect(url_for("account.enter"), 303))
    response.delete_cookie(COOKIE)
    return response


@account.route("/preferences", methods=["GET", "POST"])
@signed_in
def edit_preferences() -> ResponseReturnValue:
    """Colours and time zone of the viewer."""
    viewer = require_viewer()
    form = PreferencesForm(data={"theme": viewer.theme, "time_zone": viewer.time_zone or ""})
    form.fill_choices()
    if form.validate_on_submit():
        set_theme(viewer.id, form.theme.data)
        set_time_zone(viewer.id, form.time_zone.data or None)
        flash("Saved.", "success")
        return redirect(url_for("account.edit_preferences"), 303)
    status = 400 if form.is_submitted() else 200
    return render_template("account/preferences.html", form=form), status


@account.post("/theme")
@signed_in
def switch_theme() -> ResponseReturnValue:
    """Store the colours and go back to the page."""
    set_theme(require_viewer().id, request.form.get("theme", ""))
    return redirect(safe_next(request.form.get("next")), 303)


def _signed_in(email: str, password: str, target: str) -> Response:
    """Begin a session with a fresh cookie, so that nothing set before signing in is kept."""
    _user, token = sign_in(email, password, request.user_agent.string)
    kept = cookie_session.get("_flashes")
    cookie_session.clear()
    if kept:
        cookie_session["_flashes"] = kept
    response = make_response(redirect(target, 303))
    remember_session(response, token)
    return response
