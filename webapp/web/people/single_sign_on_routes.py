"""To the identity provider and back: signing in, confirming, signing out there."""

from collections.abc import Mapping

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask import session as cookie_session
from flask.typing import ResponseReturnValue

from webapp.extensions import limiter
from webapp.services.people.first_admin import is_setup_open
from webapp.services.people.sessions import Factor, Method, SignInError
from webapp.services.people.show_presence import NotPresentError
from webapp.services.people.single_sign_on.begin import (
    BegunAtProvider,
    Purpose,
    begin_presence,
    begin_single_sign_on,
)
from webapp.services.people.single_sign_on.finish import (
    finish_presence,
    finish_single_sign_on,
    read_purpose,
)
from webapp.services.people.single_sign_on.leave_provider import sign_out_address
from webapp.services.people.single_sign_on.refusals import SingleSignOnError
from webapp.services.people.single_sign_on.this_provider import ANSWER_PATH, sign_on_settings
from webapp.web.access import for_oneself, public, safe_next, writes_on_get
from webapp.web.cookies import (
    PENDING_KEPT,
    PROVIDER,
    drop_cookie,
    read_cookie,
    write_cookie,
)
from webapp.web.people.blueprint import account
from webapp.web.people.sign_in_steps import session_begun
from webapp.web.presence import CONFIRM_PREFIX
from webapp.web.viewer import Viewer, current_viewer, require_viewer

NEXT = "after_provider"
"""The key in the signed cookie that holds where to go then."""
CHANGED_MEANWHILE = "Your account was changed while you signed in. Try again."

few_begins = limiter.limit("30 per minute", methods=["POST"])
few_answers = limiter.limit("30 per minute")


@account.post("/sign-in/single-sign-on")
@public
@few_begins
def begin_at_provider() -> ResponseReturnValue:
    """Send the browser to the provider, to sign in there."""
    if is_setup_open():
        return redirect(url_for("account.set_up"), 303)
    target = safe_next(request.form.get("next"))
    try:
        begun = begin_single_sign_on()
    except SingleSignOnError as error:
        return _back_to_sign_in(error, target)
    return _send_away(begun, target)


@account.get(ANSWER_PATH)
@public
@few_answers
@writes_on_get
def take_provider_answer() -> ResponseReturnValue:
    """Take the answer that the browser brings back from the provider, once."""
    viewer = current_viewer()
    token = read_cookie(PROVIDER)
    if token is None and viewer.is_authenticated:  # the page was loaded again
        return redirect(url_for("dashboard.show"), 303)
    target = cookie_session.pop(NEXT, None)
    answer = request.args.to_dict()
    if isinstance(viewer, Viewer) and read_purpose(token) is Purpose.PRESENCE:
        response = _presence_shown(token, answer, viewer, target)
    else:
        response = _signed_in(token, answer, safe_next(target))
    drop_cookie(response, PROVIDER)
    return response


@account.post("/confirm/single-sign-on")
@for_oneself
@few_begins
def confirm_at_provider() -> ResponseReturnValue:
    """Send the browser to the provider, to show there once more who the viewer is.

    A form that waits for this stays in its own window; only pages are led to afterwards.
    """
    is_form = bool(request.form.get(f"{CONFIRM_PREFIX}is_form"))
    target = safe_next(request.form.get(f"{CONFIRM_PREFIX}target"))
    try:
        begun = begin_presence(require_viewer().id)
    except SingleSignOnError as error:
        flash(str(error), "error")
        return redirect(url_for("account.confirm", next=None if is_form else target), 303)
    return _send_away(begun, None if is_form else target)


@account.get("/sign-out/provider")
@public
def leave_provider() -> ResponseReturnValue:
    """Lead to where the provider ends its own session."""
    try:
        address = sign_out_address()
    except SingleSignOnError as error:
        return _back_to_sign_in(error, None)
    if address is None:
        name = sign_on_settings().name
        flash(f"{name} offers no address to sign out at. Open its own page.", "error")
        return redirect(url_for("account.enter"), 303)
    return redirect(address, 303)


def _signed_in(token: str | None, answer: Mapping[str, str], target: str) -> Response:
    try:
        let_in = finish_single_sign_on(token, answer)
        return session_begun(
            let_in.user_id,
            Method.SINGLE_SIGN_ON,
            Factor.PROVIDER,
            target,
            provider_saw_at=let_in.seen_at,
        )
    except SingleSignOnError as error:
        return _back_to_sign_in(error, target)
    except SignInError:
        return _back_to_sign_in(CHANGED_MEANWHILE, target)


def _presence_shown(
    token: str | None, answer: Mapping[str, str], viewer: Viewer, target: str | None
) -> Response:
    try:
        finish_presence(token, answer, user_id=viewer.id, session_id=viewer.session_id)
    except (SingleSignOnError, NotPresentError) as error:
        flash(str(error), "error")
        return make_response(redirect(url_for("account.confirm", next=target), 303))
    if target:
        return make_response(redirect(safe_next(target), 303))
    return make_response(render_template("people/confirmed.html"))


def _back_to_sign_in(why: SingleSignOnError | str, target: str | None) -> Response:
    """Say on the sign-in page what went wrong; the address of the answer is left behind."""
    flash(str(why), "error")
    wanted = None if target == url_for("dashboard.show") else target
    return make_response(redirect(url_for("account.enter", next=wanted), 303))


def _send_away(begun: BegunAtProvider, target: str | None) -> Response:
    """A page that leads to the provider at once.

    It is no redirect, because browsers apply `form-action` of our policy to redirects after a form,
    and the provider may itself redirect to anywhere.
    """
    name = sign_on_settings().name
    response = make_response(
        render_template("people/to_provider.html", address=begun.url, name=name)
    )
    if target is None:
        cookie_session.pop(NEXT, None)
    else:
        cookie_session[NEXT] = target
    write_cookie(response, PROVIDER, begun.token, PENDING_KEPT)
    return response
