"""What every change of a person's factors has in common: which ones they have, and its event.

An authenticator app counts once it was confirmed. Recovery codes only stand in for a factor, so
they are no factor themselves, and go with the last one.
"""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from webapp.domain.security.factor_rule import needs_factor
from webapp.extensions import current_config
from webapp.models import AuthenticatorApp, Passkey, RecoveryCode, User
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError


class FactorRequiredError(RefusedError):
    """The last factor of a person who has to have one cannot be removed."""

    def __init__(self) -> None:
        super().__init__(
            "This is your only second factor, and your account has to have one. Add another one "
            "first, then remove this one."
        )


class NoFactorError(RefusedError):
    """Recovery codes replace a factor, so there has to be one."""

    def __init__(self) -> None:
        super().__init__(
            "Recovery codes stand in for a second factor. Set up an authenticator app or a passkey "
            "first."
        )


def must_have_factor(user: User) -> bool:
    """Whether this person has to have a second factor, by the settings and their role."""
    config = current_config()
    return needs_factor(
        config.security.second_factor, is_admin=user.is_admin, is_demo=config.is_demo
    )


def count_factors(session: Session, user_id: int) -> int:
    """How many factors a person has: a confirmed app, and passkeys."""
    apps = select(func.count()).where(
        AuthenticatorApp.user_id == user_id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    passkeys = select(func.count()).where(Passkey.user_id == user_id)
    return (session.scalar(apps) or 0) + (session.scalar(passkeys) or 0)


def confirmed_app(session: Session, user_id: int) -> AuthenticatorApp | None:
    """The app of a person that counts; its secret is empty where no key fits it any more."""
    query = select(AuthenticatorApp).where(
        AuthenticatorApp.user_id == user_id, AuthenticatorApp.confirmed_at.is_not(None)
    )
    return session.scalar(query.execution_options(populate_existing=True))


def list_passkeys(session: Session, user_id: int) -> list[Passkey]:
    """The passkeys of a person, the oldest first."""
    query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def note_added(session: Session, user: User, factor: str, **details: object) -> None:
    """Record a new factor of a locked user; from now on nothing is asked of them any more."""
    user.factor_due_at = None
    record_factor_event(session, user.id, "factor.added", user.id, factor=factor, **details)


def note_removed(session: Session, user: User, factor: str, **details: object) -> None:
    """Record that a locked user removed a factor, which is deleted already.

    Recovery codes go with the last factor. Raises FactorRequiredError if they have to have one.
    """
    session.flush()
    if not count_factors(session, user.id):
        if must_have_factor(user):
            raise FactorRequiredError
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    record_factor_event(session, user.id, "factor.removed", user.id, factor=factor, **details)


def record_factor_event(
    session: Session, user_id: int, action: str, actor_id: int | None, **after: object
) -> None:
    """Add an event about a person's factors to the caller's transaction; it holds no secret."""
    record_event(
        session,
        action=action,
        subject_type="user",
        subject_id=user_id,
        after=after,
        actor_id=actor_id,
    )
