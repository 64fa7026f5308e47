"""The code that confirms a contact method, and a test of one that is confirmed."""

import hmac
import secrets
from datetime import timedelta

from webapp import clock
from webapp.domain.notices.events import CODE_TYPE
from webapp.domain.notices.message import Link, Message
from webapp.extensions import current_config
from webapp.models import Target
from webapp.services.errors import RefusedError
from webapp.services.notices.deliver_now import build_test_message, send_now
from webapp.services.notices.targets.contact_methods import get_method, record_contact_event
from webapp.services.notices.targets.pause_targets import let_go
from webapp.services.notices.targets.try_target import note_success
from webapp.services.people.tokens import hash_token
from webapp.services.transactions import transaction

CODE_LIFETIME = timedelta(minutes=15)
CODE_PAUSE = timedelta(seconds=30)
MOST_TRIES = 5
PAGE = "/preferences"

_NO_CODE = "This code is not valid any more: send a new one."


def send_code(user_id: int, method_id: int) -> str:
    """Send a new code to a contact method that is not confirmed; returns the receiver's answer.

    An earlier code stops working. Raises NotFoundError, and RefusedError with what the receiver
    said, or if the last code was sent only seconds ago.
    """
    code = f"{secrets.randbelow(10**6):06d}"
    now = clock.utcnow()
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        if method.confirmed_at is not None:
            raise RefusedError("This contact method is confirmed already.")
        expires_at = method.code_expires_at
        if expires_at is not None and expires_at - CODE_LIFETIME + CODE_PAUSE > now:
            raise RefusedError("A code was sent only seconds ago: look for it, or wait a little.")
        method.code_hash = _hash(method, code)
        method.code_expires_at, method.code_tries = now + CODE_LIFETIME, 0
    return send_now(method_id, _build_code_message(method_id, code))


def confirm_contact_method(user_id: int, method_id: int, typed: str | None) -> Target:
    """Confirm a contact method by its code; messages are sent there from now on.

    A wrong code is counted. Raises NotFoundError, and RefusedError for a code that is wrong, too
    old, or was guessed at too often.
    """
    code = "".join((typed or "").split())
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        problem = _judge(method, code)
        if problem is None and method.confirmed_at is None:
            method.confirmed_at = clock.utcnow()
            method.code_hash = method.code_expires_at = None
            record_contact_event(session, "confirmed", method)
    if problem is not None:
        raise RefusedError(problem)
    return method


def try_contact_method(user_id: int, method_id: int) -> str:
    """Send a test to a confirmed contact method; returns the receiver's answer in words.

    One that the receiver had refused is used again if the test arrives. Raises NotFoundError, and
    RefusedError with what the receiver said.
    """
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        if method.confirmed_at is None:
            raise RefusedError("Enter the code first.")
    words = send_now(method_id, build_test_message(method.name))
    note_success(method_id, words)
    with transaction() as session:
        method = get_method(session, user_id, method_id)
        if method.paused_at is not None:
            let_go(session, method)
            record_contact_event(session, "resumed", method)
    return words


def _judge(method: Target, code: str) -> str | None:
    """Return what is wrong with a code, and count it; None where it is right."""
    if method.confirmed_at is not None:
        return None
    expires_at = method.code_expires_at
    if method.code_hash is None or expires_at is None or expires_at <= clock.utcnow():
        return _NO_CODE
    if method.code_tries >= MOST_TRIES:
        return "Too many wrong codes: send a new one."
    if hmac.compare_digest(method.code_hash, _hash(method, code)):
        return None
    method.code_tries += 1
    left = MOST_TRIES - method.code_tries
    if not left:
        return "This is not the code. Too many wrong codes: send a new one."
    return f"This is not the code; it has six digits. {left} tries are left."


def _hash(method: Target, code: str) -> str:
    return hash_token(f"{method.id}:{code}")


def _build_code_message(method_id: int, code: str) -> Message:
    now = clock.utcnow()
    title = f"{code} is your code for Triagedesk"
    return Message(
        key=f"code-{method_id}-{now.timestamp():.6f}",
        event=CODE_TYPE,
        subject=f"code:{method_id}",
        title=title,
        lines=(
            "Enter it in Triagedesk under Preferences, within 15 minutes.",
            "If you asked for no code, somebody mistyped an address: nothing has to be done.",
        ),
        links=(Link("Open your preferences", f"{current_config().own_url}{PAGE}"),),
        mail_subject=title,
        happened_at=now,
    )
