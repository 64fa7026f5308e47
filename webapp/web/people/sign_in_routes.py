"""Setting up the first admin, signing in and out, choosing a password with a link."""

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie_session
from flask.typing import ResponseReturnValue

from webapp.domain.security.passwords import Strength
from webapp.extensions import current_config
from webapp.models import User
from webapp.services.errors import FieldError, RefusedError
from webapp.services.people.first_admin import create_first_admin, is_setup_open
from webapp.services.people.password_links import (
    PasswordLinkError,
    choose_password,
    find_link_owner,
)
from webapp.services.people.password_rules import strength_of
from webapp.services.people.sessions import Method, SignInError, sign_out
from webapp.services.people.sign_in import CheckedUser, check_sign_in
from webapp.services.people.throttle import ThrottledError, sign_in_keys
from webapp.web.access import public, safe_next
from webapp.web.cookies import DEVICE, SESSION, leave_browser, read_cookie
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.people.account_forms import ChoosePasswordForm, SetupForm, SignInForm
from webapp.web.people.blueprint import account
from webapp.web.people.sign_in_page import sign_in_page
from webapp.web.people.sign_in_steps import first_step_done
from webapp.web.throttling import count_try, link_throttled, throttled, wait_page
from webapp.web.viewer import current_viewer

HELD_LINK = "password_link_code"
"""The cookie key that holds a link's token, because addresses end up in logs and histories."""


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
            user = create_first_admin(
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
            strength = strength_of(user, form.password.data)
            words = f"You are set up, with a {strength} password. This is your dashboard."
            flash(words, "success")
            return first_step_done(user.id, Method.PASSWORD, url_for("dashboard.show"))
    return render_template("people/setup.html", form=form), form_status(form)


@account.route("/sign-in", methods=["GET", "POST"])
@public
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
            return _sign_in(form.email.data, form.password.data, target)
        except SignInError as error:
            failure = str(error)
        except ThrottledError as error:
            return wait_page(sign_in_page(form, str(error)), error)
    return sign_in_page(form, failure), form_status(form)


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
            return _password_chosen(user, strength_of(user, form.password.data))
    page = render_template("people/choose.html", form=form, owner=owner, failure=failure)
    return page, 400 if failure else form_status(form)


@account.post("/sign-out")
@public
def leave() -> ResponseReturnValue:
    """End the session in the browser and in the database."""
    left = None if current_config().sign_on is None else "yes"
    return _without_session("You are signed out.", "info", left=left)


def _link_owner(token: str | None) -> tuple[User | None, str | None]:
    """The user of a link, or what is wrong with it; both are None without a token."""
    if not token:
        return None, None
    try:
        return find_link_owner(token), None
    except PasswordLinkError as error:
        cookie_session.pop(HELD_LINK, None)
        return None, str(error)


def _password_chosen(user: User, strength: Strength) -> Response:
    """End the browser's session, as it may be another person's, and redirect to sign in."""
    words = f"Your password is set; it is {strength}. Sign in as {user.email}."
    return _without_session(words, "success")


def _without_session(words: str, kind: str, *, left: str | None = None) -> Response:
    token = read_cookie(SESSION)
    if token:
        sign_out(token)
    cookie_session.clear()
    flash(words, kind)
    response = make_response(redirect(url_for("account.enter", left=left), 303))
    leave_browser(response)
    return response


def _sign_in(email: str, password: str, target: str) -> Response:
    """Count the try, check it, and go on. Raises SignInError, ThrottledError."""
    keys = sign_in_keys(email, request.remote_addr, read_cookie(DEVICE))
    checked: CheckedUser = count_try(keys, lambda: check_sign_in(email, password))
    return first_step_done(checked.id, Method.PASSWORD, target, password_hash=checked.password_hash)
