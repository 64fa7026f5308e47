"""Taking the identity provider's answer, and letting in whom it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from webapp import clock
from webapp.domain.security.identity import read_auth_time, read_identity
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

# A new sign-in was asked for, and whoever is asked so has to tell of it (OpenID Connect Core 1.0,
# section 3.1.2.1, max_age); a click in a session that goes on there shows nothing.
_SAYS_NOT_WHEN = (
    "{name} does not say when you signed in there, so it cannot show that it is you. Use your"
    " password, a passkey or an authenticator app. If you have none of them, sign out and in again,"
    " and set one up within ten minutes: Preferences, Signing in."
)


@dataclass(frozen=True, slots=True)
class LetIn:
    """Whom the provider lets in, and when it saw them (UTC); None where it does not say."""

    user_id: int
    seen_at: datetime | None


def read_purpose(token: str | None) -> Purpose | None:
    """What this browser has sent its person to the provider for; None if for nothing. Reads."""
    return next((one for one in Purpose if read_pending(token, one) is not None), None)


def finish_single_sign_on(token: str | None, parameters: Mapping[str, str]) -> LetIn:
    """Return whom the provider's answer lets in; the account may be new.

    `token` is the browser's, `parameters` are those of the address that it came back to. An answer
    is taken once. A refusal is on record, unless this browser began nothing: anybody can open the
    address, and as often as they like. Raises SingleSignOnError, NotFoundError.
    """
    has_begun = read_pending(token, Purpose.SIGN_IN) is not None
    try:
        claims = _claims(token, parameters, Purpose.SIGN_IN)
    except SingleSignOnError as error:
        if has_begun:
            _record_refusal(error.reason)
        raise
    settings = sign_on_settings()
    user_id = enter_account(read_identity(claims, settings.roles_claim), settings)
    return LetIn(user_id, _not_ahead(read_auth_time(claims), clock.utcnow()))


def finish_presence(
    token: str | None, parameters: Mapping[str, str], *, user_id: int, session_id: int
) -> None:
    """Note that the person of a session has just shown the provider who they are.

    The answer has to name the same person, and say that they signed in there within the last five
    minutes. Raises SingleSignOnError, NotPresentError, NotFoundError.
    """
    claims = _claims(token, parameters, Purpose.PRESENCE, user_id=user_id)
    with reading() as session:
        user = get_user(session, user_id)
    is_same = (user.oidc_issuer, user.oidc_subject) == (claims["iss"], claims["sub"])
    seen_at = read_auth_time(claims)
    is_shown = is_same and seen_at is not None and abs(clock.utcnow() - seen_at) <= RECENT
    note_presence(user_id, session_id, way=WAY, is_shown=is_shown)
    if not is_same:
        raise NotPresentError("You signed in there as somebody else.")
    if seen_at is None:
        raise NotPresentError(_SAYS_NOT_WHEN.format(name=sign_on_settings().name))
    if seen_at > clock.utcnow() + RECENT:
        raise NotPresentError(
            f"The clocks of {sign_on_settings().name} and of this server differ. Tell an admin."
        )
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


def _not_ahead(at: datetime | None, now: datetime) -> datetime | None:
    """A time by the provider's clock, which may be a little ahead; what lies far ahead is none."""
    return None if at is None or at - now > RECENT else min(at, now)


def _record_refusal(reason: str) -> None:
    with transaction() as session:
        record_event(
            session,
            action="session.refused",
            subject_type="user",
            after={"reason": reason, "method": "single-sign-on"},
        )
