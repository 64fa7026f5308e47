"""Taking the identity provider's answer, and letting in whom it names."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

from webapp import clock
from webapp.domain.security.identity import read_identity
from webapp.outbound.identity.code_flow import Secrets, take_answer_of
from webapp.outbound.identity.provider import ProviderError
from webapp.services.audit import record_event
from webapp.services.lookups import get_user
from webapp.services.people.pending_sign_ins import PendingSignInError, read_pending, use_pending
from webapp.services.people.show_presence import NotPresentError, note_presence
from webapp.services.people.single_sign_on.begin import Purpose, sentence_of
from webapp.services.people.single_sign_on.enter_account import enter_account
from webapp.services.people.single_sign_on.refusals import SingleSignOnError, wrong_answer
from webapp.services.people.single_sign_on.this_provider import sign_on_settings, this_provider
from webapp.services.transactions import reading, transaction

RECENT = timedelta(minutes=5)
WAY = "provider"


def read_purpose(token: str | None) -> Purpose | None:
    """What this browser has sent its person to the provider for; None if for nothing. Reads."""
    return next((one for one in Purpose if read_pending(token, one) is not None), None)


def finish_single_sign_on(token: str | None, parameters: Mapping[str, str]) -> int:
    """Return the id of the user whom the provider's answer lets in; the account may be new.

    `token` is the browser's, `parameters` are those of the address that it came back to. An answer
    is taken once. A refusal is on record. Raises SingleSignOnError, NotFoundError.
    """
    try:
        claims = _claims(token, parameters, Purpose.SIGN_IN)
    except SingleSignOnError as error:
        _record_refusal(error.reason)
        raise
    settings = sign_on_settings()
    return enter_account(read_identity(claims, settings.roles_claim), settings)


def finish_presence(
    token: str | None, parameters: Mapping[str, str], *, user_id: int, session_id: int
) -> None:
    """Note that the person of a session has just shown the provider who they are.

    The answer has to name the same person, and, where it tells when they signed in there, the last
    five minutes. Raises SingleSignOnError, NotPresentError, NotFoundError.
    """
    claims = _claims(token, parameters, Purpose.PRESENCE, user_id=user_id)
    with reading() as session:
        user = get_user(session, user_id)
    is_same = (user.oidc_issuer, user.oidc_subject) == (claims["iss"], claims["sub"])
    is_shown = is_same and _is_recent(claims.get("auth_time"))
    note_presence(user_id, session_id, way=WAY, is_shown=is_shown)
    if not is_same:
        raise NotPresentError("You signed in there as somebody else.")
    if not is_shown:
        raise NotPresentError("You were not asked there who you are. Try again.")


def _claims(
    token: str | None,
    parameters: Mapping[str, str],
    purpose: Purpose,
    *,
    user_id: int | None = None,
) -> Mapping[str, Any]:
    """The checked claims of the answer to what this browser began."""
    known = this_provider()
    pending = read_pending(token, purpose)
    if pending is None or pending.user_id != user_id:
        raise wrong_answer()
    own = Secrets.read(pending.challenge or "..")
    if not compare_digest(own.state.encode(), parameters.get("state", "").encode()):
        raise wrong_answer()
    try:
        with transaction() as session:  # before the provider is asked: an answer is taken once
            use_pending(session, token, purpose)
        return take_answer_of(known, parameters, own, clock.utcnow())
    except PendingSignInError as error:
        raise wrong_answer() from error
    except ProviderError as error:
        raise sentence_of(error) from error


def _is_recent(auth_time: object) -> bool:
    """Whether a sign-in was just now. A provider that does not tell was asked for a new one."""
    if auth_time is None:
        return True
    if type(auth_time) not in (int, float):
        return False
    try:
        at = datetime.fromtimestamp(auth_time, UTC)  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError):
        return False
    return abs(clock.utcnow() - at) <= RECENT


def _record_refusal(reason: str) -> None:
    with transaction() as session:
        record_event(
            session,
            action="session.refused",
            subject_type="user",
            after={"reason": reason, "method": "single-sign-on"},
        )
