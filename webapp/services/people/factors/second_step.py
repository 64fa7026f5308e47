"""The second step of signing in: a code of the app, a passkey, or a recovery code.

What was shown first waits as a pending sign-in; after five tries that failed it is void.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.models import PendingSignIn
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.factors.authenticator_app import take_app_code
from webapp.services.people.factors.passkey_answers import PasskeyError
from webapp.services.people.factors.passkeys import (
    SHOW_ANY_PASSKEY,
    SHOW_OWN_PASSKEY,
    CopiedPasskeyError,
    PasskeyQuestion,
    ask_for_own_passkey,
    show_passkey,
    use_question,
)
from webapp.services.people.factors.recovery_codes import count_unused_codes, take_recovery_code
from webapp.services.people.factors.stored_factors import (
    confirmed_app,
    count_factors,
    list_passkeys,
)
from webapp.services.people.pending_sign_ins import (
    PendingSignInError,
    begin_pending,
    count_attempt,
    read_pending,
    use_pending,
)
from webapp.services.people.sessions import Factor, Method, SignInError
from webapp.services.people.single_sign_on.break_glass import require_local_sign_in
from webapp.services.transactions import reading, transaction

SECOND_STEP = "second-step"

_WRONG = {
    Factor.APP: (
        "This code is wrong, too old, or was used already. Enter the one that the app shows now."
    ),
    Factor.RECOVERY_CODE: "This is no recovery code of yours, or it was used already.",
}


class WrongFactorError(RefusedError):
    """What was shown as the second step is not right."""


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """Whose second step is waited for, and in which ways they can take it."""

    user_id: int
    ways: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class PassedStep:
    """Somebody who has taken both steps; `unused_codes` is None unless a recovery code was used."""

    user_id: int
    method: Method
    factor: Factor
    unused_codes: int | None = None


def begin_second_step(user_id: int, method: Method, password_hash: str | None) -> str | None:
    """Wait for the second step of a person who has a factor; returns the token for the cookie.

    Returns None if they have none. Raises SignInError if the password is not `password_hash` any
    more: whatever changes it afterwards makes the token worthless itself.
    """
    with reading() as session:
        if not count_factors(session, user_id):
            return None
    token = begin_pending(SECOND_STEP, user_id=user_id, method=method)
    with reading() as session:
        user = get_user(session, user_id)
        if not user.is_active or password_hash not in (None, user.password_hash):
            raise SignInError
    return token


def read_second_step(token: str | None) -> WaitingStep:
    """Who has to take the second step, and how they can; raises PendingSignInError. Only reads."""
    pending = read_pending(token, SECOND_STEP)
    if pending is None or pending.user_id is None:
        raise PendingSignInError
    with reading() as session:
        return WaitingStep(pending.user_id, list_ways(session, pending.user_id))


def list_ways(session: Session, user_id: int) -> tuple[Factor, ...]:
    """The factors that a person can show, the likeliest first.

    An app whose key cannot be read is left out: no code of it can be checked.
    """
    app = confirmed_app(session, user_id)
    is_there = {
        Factor.APP: bool(app and app.secret),
        Factor.PASSKEY: bool(list_passkeys(session, user_id)),
        Factor.RECOVERY_CODE: count_unused_codes(session, user_id) > 0,
    }
    return tuple(factor for factor, is_usable in is_there.items() if is_usable)


def ask_in_second_step(token: str | None) -> PasskeyQuestion:
    """Ask for a passkey of the person who waits. Raises PasskeyError, PendingSignInError."""
    return ask_for_own_passkey(read_second_step(token).user_id)


def pass_with_code(token: str | None, way: Factor, typed: str) -> PassedStep:
    """Take the second step with a code of the app or a recovery code.

    The try is counted first, and a refusal is on record. Raises WrongFactorError,
    PendingSignInError.
    """
    user_id = _count(token)
    try:
        with transaction() as session:
            pending = use_pending(session, token, SECOND_STEP)
            _take_code(session, user_id, way, typed)
            left = count_unused_codes(session, user_id) if way is Factor.RECOVERY_CODE else None
            return PassedStep(user_id, Method(pending.method or ""), way, left)
    except WrongFactorError:
        record_refused_factor(user_id, way)
        raise


def pass_with_passkey(token: str | None, answer_token: str | None, answer: str) -> PassedStep:
    """Take the second step with a passkey: the answer to ask_in_second_step().

    Raises PasskeyError, PendingSignInError.
    """
    user_id = _count(token)

    def _show(session: Session) -> tuple[PendingSignIn, bool]:
        pending = use_pending(session, token, SECOND_STEP)
        question = use_question(session, answer_token, SHOW_OWN_PASSKEY)
        if question.user_id != user_id:
            raise PasskeyError("This question was asked of somebody else. Try again.")
        shown = show_passkey(session, question, answer, needs_verification=False)
        return pending, shown.is_copy

    pending = _shown(_show, user_id)
    return PassedStep(user_id, Method(pending.method or ""), Factor.PASSKEY)


def sign_in_with_passkey(answer_token: str | None, answer: str) -> PassedStep:
    """Sign in with an unlocked passkey alone: the answer to ask_for_any_passkey().

    It counts as both steps: the person has it, and unlocked it. Raises PasskeyError, or
    PasswordsOffError for somebody who has to sign in with the identity provider.
    """
    found: list[int] = []

    def _show(session: Session) -> tuple[PendingSignIn, bool]:
        question = use_question(session, answer_token, SHOW_ANY_PASSKEY)
        shown = show_passkey(session, question, answer, needs_verification=True)
        found.append(shown.user_id)
        return question, shown.is_copy

    _shown(_show, None)
    require_local_sign_in(found[0])
    return PassedStep(found[0], Method.PASSKEY, Factor.PASSKEY)


def record_refused_factor(user_id: int | None, way: Factor) -> None:
    """Put on record that a second step failed; what was typed is not."""
    with transaction() as session:
        record_event(
            session,
            action="session.refused",
            subject_type="user",
            subject_id=user_id,
            after={"reason": "wrong factor", "factor": way},
        )


def _count(token: str | None) -> int:
    """Count a try; returns whose it is. Raises PendingSignInError after the fifth."""
    count_attempt(token, SECOND_STEP)
    return read_second_step(token).user_id


def _take_code(session: Session, user_id: int, way: Factor, typed: str) -> None:
    take = {Factor.APP: take_app_code, Factor.RECOVERY_CODE: take_recovery_code}.get(way)
    if take is None or not take(session, user_id, typed):
        raise WrongFactorError(_WRONG.get(way, _WRONG[Factor.APP]))


def _shown(
    show: Callable[[Session], tuple[PendingSignIn, bool]], user_id: int | None
) -> PendingSignIn:
    """Run `show` in a transaction; a refusal, and a copy that it found, stay on record."""
    try:
        with transaction() as session:
            pending, is_copy = show(session)
        if is_copy:
            raise CopiedPasskeyError
    except RefusedError:
        record_refused_factor(user_id, Factor.PASSKEY)
        raise
    return pending
