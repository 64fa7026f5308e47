"""Where one is signed in, ending that elsewhere, and showing once more who one is."""

from flask import Response, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.people.factors.passkey_answers import PasskeyError
from webapp.services.people.factors.show_factor import (
    ask_for_passkey_again,
    show_app_code,
    show_passkey_again,
)
from webapp.services.people.own_sessions import end_other_sessions, end_session
from webapp.services.people.security_notes import mark_notes_seen
from webapp.services.people.show_presence import NotPresentError, show_password
from webapp.services.people.throttle import ThrottledError, session_key
from webapp.web.access import for_oneself, safe_next
from webapp.web.answers import done
from webapp.web.filters import counted
from webapp.web.params import read_number
from webapp.web.people.blueprint import account
from webapp.web.presence import CONFIRM_PREFIX, NOT_PRESENT, confirm_page, held_fields
from webapp.web.throttling import count_try, wait_page
from webapp.web.viewer import Viewer, require_viewer

SEND_AGAIN = 307
"""The status with which a browser sends the same form to another address (RFC 9110, 15.4.8)."""


@account.post("/preferences/sessions/<int:session_id>/end")
@for_oneself
def end_one_session(session_id: int) -> ResponseReturnValue:
    """End one of the viewer's sessions."""
    is_ended = end_session(require_viewer().id, session_id)
    words = "That session is ended." if is_ended else "That session had ended already."
    return done(words, _list())


@account.post("/preferences/sessions/end-others")
@for_oneself
def end_others() -> ResponseReturnValue:
    """End every session of the viewer but this one."""
    viewer = require_viewer()
    count = end_other_sessions(viewer.id, viewer.session_ref)
    words = f"{counted(count, 'other session')} ended." if count else "There was no other session."
    return done(words, _list())


@account.post("/preferences/notes/seen")
@for_oneself
def see_notes() -> ResponseReturnValue:
    """Note that the viewer has read what happened to their account."""
    mark_notes_seen(require_viewer().id, read_number(request.form.get("last")) or 0)
    return redirect(safe_next(request.form.get("next")), 303)


@account.route("/confirm", methods=["GET", "POST"])
@for_oneself
def confirm() -> ResponseReturnValue:
    """Ask for the password or a factor once more, then go on to what needed it."""
    if request.method == "GET":
        return confirm_page(safe_next(request.args.get("next")), [], is_form=False)
    viewer = require_viewer()
    target = safe_next(request.form.get(f"{CONFIRM_PREFIX}target"))
    is_form = bool(request.form.get(f"{CONFIRM_PREFIX}is_form"))
    if not request.form.get(f"{CONFIRM_PREFIX}password") and viewer.is_present:
        # It was shown in another window meanwhile.
        return redirect(target, SEND_AGAIN if is_form else 303)
    try:
        count_try([session_key(viewer.session_ref)], lambda: _show(viewer))
    except NotPresentError as error:
        return _ask_again(target, str(error), is_form=is_form)
    except ThrottledError as error:
        page = confirm_page(target, held_fields(), failure=str(error), is_form=is_form)
        return wait_page(page, error)
    return redirect(target, SEND_AGAIN if is_form else 303)


@account.post("/confirm/passkey/ask")
@for_oneself
def ask_to_confirm_with_passkey() -> ResponseReturnValue:
    """Tell the page's script what to ask the browser for."""
    try:
        question = ask_for_passkey_again(require_viewer().id)
    except PasskeyError as error:
        return jsonify(problem=str(error)), 400
    return jsonify(token=question.token, options=question.options)


def _show(viewer: Viewer) -> None:
    """Check what was shown: a passkey, a code, or else the password. Raises NotPresentError."""
    sent = {
        name: request.form.get(f"{CONFIRM_PREFIX}{name}", "")
        for name in ("answer", "answer_token", "code", "password")
    }
    if sent["answer"]:
        show_passkey_again(viewer.id, viewer.session_id, sent["answer_token"], sent["answer"])
    elif sent["code"] and not sent["password"]:
        show_app_code(viewer.id, viewer.session_id, sent["code"])
    else:
        show_password(viewer.id, viewer.session_id, sent["password"])


def _ask_again(target: str, failure: str, *, is_form: bool) -> Response:
    page = confirm_page(target, held_fields(), failure=failure, is_form=is_form)
    return make_response(page, NOT_PRESENT)


def _list() -> str:
    return url_for("account.edit_preferences", _anchor="sessions-heading")
