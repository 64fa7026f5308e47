"""Changing one's own factors: each change ends the sessions elsewhere and is told by mail.

Every function takes the token of the session that goes on, and the change that it returns holds
the one that replaces it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from webapp.models import User
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_user
from webapp.services.people.factors.authenticator_app import confirm_app, remove_app
from webapp.services.people.factors.passkeys import (
    MAKE_PASSKEY,
    add_passkey,
    remove_passkey,
    use_question,
)
from webapp.services.people.factors.recovery_codes import (
    count_unused_codes,
    replace_recovery_codes,
)
from webapp.services.people.security_notes import mail_person
from webapp.services.people.sessions import end_sessions, renew_session
from webapp.services.transactions import transaction


@dataclass(slots=True)
class FactorChange:
    """A change that was made: the session's new token, and recovery codes if new ones came along.

    `name` is that of the passkey that it was about.
    """

    token: str = ""
    codes: list[str] = field(default_factory=list)
    name: str = ""


def confirm_own_app(user_id: int, typed: str, *, kept_token: str) -> FactorChange:
    """Let the app that is being set up count; the first factor brings ten recovery codes.

    Raises AppSetupError, AppCodeError, NotFoundError.
    """
    with _changing(user_id, kept_token, "An authenticator app was added to") as (session, user, to):
        confirm_app(session, user, typed)
        _bring_codes(session, user, to)
    return to


def add_own_passkey(
    user_id: int, answer_token: str | None, answer: str, name: str | None, *, kept_token: str
) -> FactorChange:
    """Add the passkey that the browser made; the first factor brings ten recovery codes.

    Raises PasskeyError, NotFoundError.
    """
    with _changing(user_id, kept_token, "A passkey was added to") as (session, user, to):
        pending = use_question(session, answer_token, MAKE_PASSKEY)
        to.name = add_passkey(session, user, pending, answer, name).name
        _bring_codes(session, user, to)
    return to


def remove_own_app(user_id: int, *, kept_token: str) -> FactorChange:
    """Remove the authenticator app. Raises FactorRequiredError, NotFoundError."""
    with _changing(user_id, kept_token, "The authenticator app was removed from") as (
        session,
        user,
        to,
    ):
        if not remove_app(session, user):
            raise NotFoundError("There is no authenticator app.")
    return to


def remove_own_passkey(user_id: int, passkey_id: int, *, kept_token: str) -> FactorChange:
    """Remove a passkey. Raises FactorRequiredError, NotFoundError."""
    with _changing(user_id, kept_token, "A passkey was removed from") as (session, user, to):
        to.name = remove_passkey(session, user, passkey_id)
    return to


def make_own_codes(user_id: int, *, kept_token: str) -> FactorChange:
    """Make ten new recovery codes; older ones stop working. Raises NoFactorError, NotFoundError."""
    with _changing(user_id, kept_token, "New recovery codes were made for") as (session, user, to):
        to.codes = replace_recovery_codes(session, user)
    return to


@contextmanager
def _changing(
    user_id: int, kept_token: str, what: str
) -> Iterator[tuple[Session, User, FactorChange]]:
    """A transaction on a locked user, at whose end the other sessions are ended."""
    change = FactorChange()
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        yield session, user, change
        end_sessions(session, user.id, actor_id=user.id, except_token=kept_token)
        change.token = renew_session(session, kept_token)
        mail_person(
            session,
            user.id,
            subject="How you sign in to Triagedesk was changed",
            sentence=f"{what} your account. Was it not you? Then tell an admin at once.",
        )


def _bring_codes(session: Session, user: User, change: FactorChange) -> None:
    """Recovery codes come with the first factor; later ones are made when they are asked for."""
    if not count_unused_codes(session, user.id):
        change.codes = replace_recovery_codes(session, user)
