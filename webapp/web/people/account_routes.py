"""Setting up the first admin, signing in and out, preferences."""

from typing import Any

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
from webapp.models import User
from webapp.services.errors import FieldError, RefusedError
from webapp.services.people.change_password import change_own_password
from webapp.services.people.first_admin import create_first_admin, is_setup_open
from webapp.services.people.password_links import (
    PasswordLinkError,
    choose_password,
    find_link_owner,
)
from webapp.services.people.set_preferences import set_theme, set_time_zone
from webapp.services.people.sign_in import SignInError, sign_in, sign_out
from webapp.web.access import public, safe_next, signed_in
from webapp.web.answers import done
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.people.account_forms import (
    ChangePasswordForm,
    ChoosePasswordForm,
    PreferencesForm,
    SetupForm,
    SignInForm,
)
from webapp.web.viewer import COOKIE, current_viewer, remember_session, require_viewer

account = Blueprint("account", __name__)

ATTEMPTS = "10 per minute; 100 per hour"


HELD_LINK = "password_link_code"
"""The cookie key that holds a link's token, because addresses end up in logs and histories."""


def _has_failed(response: Response) -> bool:
    return response.status_code >= 400


throttled = limiter.limit(ATTEMPTS, methods=["POST"], deduct_when=_has_failed)
link_throttled = limiter.limit(ATTEMPTS, methods=["GET", "POST"], deduct_when=_has_failed)


@account.route("/setup", methods=["GET", "POST"])
@public
@throttled
def set_up() -> ResponseReturnValue:
    """Create the first admin and sign them in; redirects to sign-in once a user exists."""
    if not is_setup_open():
        return redirect(url_for("account.enter"))
    form = SetupForm()
    if form.validate_on_submit():
        try:
            create_first_admin(form.token.data, form.email.data, form.name.data, form.password.data)
        except FieldError as error:
            show_field_errors(form, error)
        except RefusedError as error:
            form.token.errors = [str(error)]
        else:
            flash("You are set up. This is your dashboard.", "success")
            return _signed_in(form.email.data, form.password.data, url_for("dashboard.show"))
    return render_template("people/setup.html", form=form), form_status(form)


@account.route("/sign-in", methods=["GET", "POST"])
@public
@throttled
def enter() -> ResponseReturnValue:
    """Ask for address and password, and begin a session."""
    if is_setup_open():
        return redirect(url_for("account.set_up"))
    target = safe_next(request.args.get("next"))
    if request.method == "GET" and current_viewer().is_authenticated:
        return redirect(target)
    form = SignInForm()
    failure = None
    if form.validate_on_submit():
        try:
            return _signed_in(form.email.data, form.password.data, target)
        except SignInError as error:
            failure = str(error)
    page = render_template("people/sign_in.html", form=form, failure=failure)
    return page, form_status(form)


@account.route("/choose-password", methods=["GET", "POST"])
@public
@link_throttled
def choose() -> ResponseReturnValue:
    """Choose a password with a one-time link, then go on to sign in.

    A token in the address is moved into the cookie at once. The page's own address can then be
    logged, remembered and sent on without harm.
    """
    if request.method == "GET" and "token" in request.args:
        cookie_session[HELD_LINK] = request.args["token"][:100]
        response = make_response(redirect(url_for("account.choose"), 303))
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
    form = ChoosePasswordForm()
    held = cookie_session.get(HELD_LINK)
    owner, failure = _link_owner(held)
    if form.is_submitted() and owner and held:
        form.token.raw_data, form.token.data = [held], held
    if form.validate_on_submit():
        try:
            code = form.token.data.rpartition("token=")[2]  # some people paste the whole link
            user = choose_password(code, form.password.data)
        except PasswordLinkError as error:
            form.token.errors = [str(error)]
        except FieldError as error:
            show_field_errors(form, error)
        else:
            return _password_chosen(user)
    page = render_template("people/choose.html", form=form, owner=owner, failure=failure)
    return page, 400 if failure else form_status(form)


@account.post("/sign-out")
@public
def leave() -> ResponseReturnValue:
    """End the session in the browser and in the database."""
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
    """Show and save the viewer's colours and time zone, beside a form for the password."""
    form = _preferences_form()
    viewer = require_viewer()
    if form.validate_on_submit():
        set_theme(viewer.id, form.theme.data)
        set_time_zone(viewer.id, form.time_zone.data or None)
        return done("Saved.", url_for("account.edit_preferences"))
    return _preferences_page(form, ChangePasswordForm(formdata=None)), form_status(form)


@account.post("/preferences/password")
@signed_in
@throttled
def change_password() -> ResponseReturnValue:
    """Change the viewer's own password; other sessions of the viewer end."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            change_own_password(
                require_viewer().id,
                form.current_password.data,
                form.new_password.data,
                kept_token=request.cookies.get(COOKIE),
            )
        except FieldError as error:
            show_field_errors(form, error)
        else:
            words = "Your password is changed. You are signed out everywhere else."
            return done(words, url_for("account.edit_preferences"))
    return _preferences_page(_preferences_form(formdata=None), form), 400


@account.post("/theme")
@signed_in
def switch_theme() -> ResponseReturnValue:
    """Store the colours and go back to the page."""
    set_theme(require_viewer().id, request.form.get("theme", ""))
    return redirect(safe_next(request.form.get("next")), 303)


def _preferences_form(**options: Any) -> PreferencesForm:
    viewer = require_viewer()
    data = {"theme": viewer.theme, "time_zone": viewer.time_zone or ""}
    form = PreferencesForm(data=data, **options)
    form.fill_choices()
    return form


def _preferences_page(form: PreferencesForm, password_form: ChangePasswordForm) -> str:
    return render_template("people/preferences.html", form=form, password_form=password_form)


def _link_owner(token: str | None) -> tuple[User | None, str | None]:
    """The user of a link, or what is wrong with it; both are None without a token."""
    if not token:
        return None, None
    try:
        return find_link_owner(token), None
    except PasswordLinkError as error:
        cookie_session.pop(HELD_LINK, None)
        return None, str(error)


def _password_chosen(user: User) -> Response:
    """End the browser's session, as it may be another person's, and redirect to sign in."""
    token = request.cookies.get(COOKIE)
    if token:
        sign_out(token)
    cookie_session.clear()
    flash(f"Your password is set. Sign in as {user.email}.", "success")
    response = make_response(redirect(url_for("account.enter"), 303))
    response.delete_cookie(COOKIE)
    return response


def _signed_in(email: str, password: str, target: str) -> Response:
    """Begin a session with a fresh cookie, so that no value from before signing in is kept."""
    _user, token = sign_in(email, password, request.user_agent.string)
    kept = cookie_session.get("_flashes")
    cookie_session.clear()
    if kept:
        cookie_session["_flashes"] = kept
    response = make_response(redirect(target, 303))
    remember_session(response, token)
    return response
