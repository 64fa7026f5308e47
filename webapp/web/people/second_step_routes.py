"""The second step of signing in, and signing in with a passkey alone."""

from flask import flash, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.security.recovery_code_text import is_running_low
from webapp.extensions import limiter
from webapp.services.errors import RefusedError
from webapp.services.people.factors.passkey_answers import PasskeyError
from webapp.services.people.factors.passkeys import PasskeyQuestion, ask_for_any_passkey
from webapp.services.people.factors.second_step import (
    PassedStep,
    WaitingStep,
    WrongFactorError,
    ask_in_second_step,
    pass_with_code,
    pass_with_passkey,
    read_second_step,
    sign_in_with_passkey,
)
from webapp.services.people.pending_sign_ins import PendingSignInError
from webapp.services.people.sessions import Factor, SignInError
from webapp.services.people.throttle import ThrottledError, factor_key
from webapp.web.access import public, safe_next
from webapp.web.answers import done
from webapp.web.cookies import DEVICE, PENDING, read_cookie
from webapp.web.filters import counted
from webapp.web.people.account_forms import SignInForm
from webapp.web.people.blueprint import account
from webapp.web.people.factor_forms import AppCodeForm, RecoveryCodeForm
from webapp.web.people.sign_in_page import sign_in_page
from webapp.web.people.sign_in_steps import session_begun
from webapp.web.throttling import count_try, wait_page

PASSKEYS = "30 per minute"
"""Each question for a passkey is a row for ten minutes. Answers cannot be guessed, so they do not
count as guesses: wrong passwords from the same address keep nobody from showing a passkey."""

passkeys_slowly = limiter.limit(PASSKEYS, methods=["POST"])


@account.route("/sign-in/factor", methods=["GET", "POST"])
@public
def ask_second_step() -> ResponseReturnValue:
    """Ask for a code, or lead to the passkey; five tries that fail begin the sign-in anew."""
    token, target = read_cookie(PENDING), _target()
    try:
        waiting = read_second_step(token)
    except PendingSignInError as error:
        return _begin_anew(error, target)
    way = _chosen_way(waiting)
    if request.method == "GET" or way is None:
        return _page(waiting, way)
    typed = request.form.get("code", "")
    try:
        passed = count_try(
            [factor_key(waiting.user_id, read_cookie(DEVICE))],
            lambda: pass_with_code(token, way, typed),
        )
    except PendingSignInError as error:
        return _begin_anew(error, target)
    except WrongFactorError as error:
        return _page(waiting, way, str(error)), 400
    except ThrottledError as error:
        return wait_page(_page(waiting, way, str(error)), error)
    return _passed(passed, target)


@account.post("/sign-in/factor/passkey/ask")
@public
@passkeys_slowly
def ask_for_passkey_in_second_step() -> ResponseReturnValue:
    """Tell the page's script what to ask the browser for."""
    try:
        return _as_json(ask_in_second_step(read_cookie(PENDING)))
    except RefusedError as error:
        return jsonify(problem=str(error)), 400


@account.post("/sign-in/factor/passkey")
@public
def pass_second_step_with_passkey() -> ResponseReturnValue:
    """Take the second step with what the browser answered."""
    token, target = read_cookie(PENDING), _target()
    answer, answer_token = request.form.get("answer", ""), request.form.get("answer_token")
    try:
        waiting = read_second_step(token)
        passed = count_try(
            [factor_key(waiting.user_id, read_cookie(DEVICE))],
            lambda: pass_with_passkey(token, answer_token, answer),
        )
    except PendingSignInError as error:
        return _begin_anew(error, target)
    except PasskeyError as error:
        return _page(waiting, Factor.PASSKEY, str(error)), 400
    except ThrottledError as error:
        return wait_page(_page(waiting, Factor.PASSKEY, str(error)), error)
    return _passed(passed, target)


@account.post("/sign-in/passkey/ask")
@public
@passkeys_slowly
def ask_for_passkey() -> ResponseReturnValue:
    """Tell the sign-in page's script what to ask the browser for."""
    try:
        return _as_json(ask_for_any_passkey())
    except PasskeyError as error:
        return jsonify(problem=str(error)), 400


@account.post("/sign-in/passkey")
@public
@passkeys_slowly
def enter_with_passkey() -> ResponseReturnValue:
    """Sign in with an unlocked passkey, without a password."""
    answer, answer_token = request.form.get("answer", ""), request.form.get("answer_token")
    try:
        passed = sign_in_with_passkey(answer_token, answer)
    except RefusedError as error:
        return _sign_in_page(str(error)), 400
    return _passed(passed, _target())


def _passed(passed: PassedStep, target: str) -> ResponseReturnValue:
    """Begin the session; somebody who used a recovery code reads how many are left."""
    try:
        response = session_begun(passed.user_id, passed.method, passed.factor, target)
    except SignInError as error:
        return _begin_anew(error, target)
    if passed.unused_codes is not None:
        is_low = is_running_low(passed.unused_codes)
        more = " Make new ones under Preferences, Signing in." if is_low else ""
        left = f"{counted(passed.unused_codes, 'recovery code')} left"
        flash(f"That recovery code is used up; {left}.{more}", "warning" if is_low else "info")
    return response


def _page(waiting: WaitingStep, way: Factor | None, failure: str | None = None) -> str:
    form = RecoveryCodeForm() if way is Factor.RECOVERY_CODE else AppCodeForm()
    form.code.data = None  # a code is shown to nobody, not even to who typed it
    return render_template(
        "people/second_step.html",
        form=form,
        way=way,
        ways=waiting.ways,
        failure=failure,
        target=_target(),
    )


def _sign_in_page(failure: str) -> str:
    form = SignInForm(formdata=None)
    return sign_in_page(form, failure)


def _chosen_way(waiting: WaitingStep) -> Factor | None:
    """The way that the address names, if it is open, else the likeliest; None if all are lost."""
    wanted = request.args.get("way")
    return next((way for way in waiting.ways if way == wanted), next(iter(waiting.ways), None))


def _begin_anew(error: RefusedError, target: str) -> ResponseReturnValue:
    return done(str(error), url_for("account.enter", next=target), "error")


def _target() -> str:
    return safe_next(request.args.get("next"))


def _as_json(question: PasskeyQuestion) -> ResponseReturnValue:
    return jsonify(token=question.token, options=question.options)
