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
from webapp.models import User
from webapp.services.errors import ConflictError, FieldError, RefusedError
from webapp.services.notices.targets.contact_methods import read_contact_methods
from webapp.services.people.change_password import change_own_password
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.first_admin import create_first_admin, is_setup_open
from webapp.services.people.password_links import (
    PasswordLinkError,
    choose_password,
    find_link_owner,
)
from webapp.services.people.read_users import read_user
from webapp.services.people.set_preferences import (
    UTC_NAME,
    list_time_zones,
    set_theme,
    set_time_zone,
)
from webapp.services.people.sign_in import SignInError, sign_in, sign_out
from webapp.web.access import for_oneself, public, safe_next
from webapp.web.answers import done
from webapp.web.errors import status_of
from webapp.web.form_errors import form_status, send_form, show_field_errors
from webapp.web.people.account_forms import (
    ChangePasswordForm,
    ChoosePasswordForm,
    DetailsForm,
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
            create_first_admin(
                form.token.data,
                form.email.data,
                form.name.data,
                form.password.data,
                browser_zone=form.time_zone.data,
            )
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
            zone = form.time_zone.data
            user = choose_password(code, form.password.data, browser_zone=zone)
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
@for_oneself
def edit_preferences() -> ResponseReturnValue:
    """Show and save the viewer's colours and time zone, beside the forms about the account."""
    viewer = require_viewer()
    form = PreferencesForm(data=_preferences())
    if send_form(form, lambda: set_time_zone(viewer.id, form.time_zone.data)):
        set_theme(viewer.id, form.theme.data)
        return done("Saved.", url_for("account.edit_preferences"))
    return _preferences_page(form=form), form_status(form)


@account.post("/preferences/details")
@for_oneself
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
        problem=problem,
        contact=read_contact_methods(user.id),
        time_zones=list_time_zones(),
    )


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
