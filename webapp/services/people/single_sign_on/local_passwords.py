"""Whose passwords are taken: everybody's, or those of break-glass admins alone.

TRIAGEDESK_LOCAL_PASSWORDS=break-glass holds while there is an active admin who may break the glass
and has a password. Without one it would lock everybody out when the provider fails, so it is not
applied, and the log, `doctor` and Health say so.
"""

import logging

from sqlalchemy import ColumnExpressionArgument, select
from sqlalchemy.orm import Session

from webapp.config import LocalPasswords
from webapp.extensions import current_config
from webapp.models import User
from webapp.models.user import NO_PASSWORD, ROLE_ADMIN
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.transactions import reading

NOT_APPLIED = (
    "TRIAGEDESK_LOCAL_PASSWORDS=break-glass is not applied: no active admin with a password may"
    " break the glass, so nobody could sign in while the identity provider fails. Everybody's"
    " password is taken until you run `triagedesk user break-glass EMAIL on` for such an admin."
)

logger = logging.getLogger(__name__)


class PasswordsOffError(RefusedError):
    """This person signs in with the provider alone."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Passwords are switched off here: people sign in with {name}. Only break-glass"
            " accounts do without it."
        )


class BreakGlassError(RefusedError):
    """The account cannot break the glass, or is the last one that can."""


def are_passwords_limited(session: Session) -> bool:
    """Whether only break-glass accounts may use a password now."""
    return is_limit_wanted() and _first_break_glass(session) is not None


def is_limit_wanted() -> bool:
    """Whether the configuration asks for it, applied or not."""
    settings = current_config().sign_on
    return settings is not None and settings.local_passwords is LocalPasswords.BREAK_GLASS


def may_use_password(session: Session, user: User) -> bool:
    """Whether this user may sign in with a password, choose one, or get a link to do so."""
    return user.is_break_glass or not are_passwords_limited(session)


def require_password_use(session: Session, user: User) -> None:
    """Raise PasswordsOffError unless this user may use a password."""
    if not may_use_password(session, user):
        raise PasswordsOffError(provider_name())


def read_password_use(user_id: int) -> bool:
    """may_use_password() in a transaction of its own. Only reads. Raises NotFoundError."""
    with reading() as session:
        return may_use_password(session, get_user(session, user_id))


def read_password_limit() -> bool:
    """are_passwords_limited() in a transaction of its own. Only reads."""
    if not is_limit_wanted():
        return False
    with reading() as session:
        return are_passwords_limited(session)


def find_limit_problem() -> str | None:
    """Why the limit that is asked for is not applied; None if it is, or if none is asked for."""
    return NOT_APPLIED if is_limit_wanted() and not read_password_limit() else None


def warn_of_limit_problem() -> None:
    """Log why the limit is not applied, when something starts."""
    if problem := find_limit_problem():
        logger.error(problem)


def refuse_losing_glass(session: Session, user: User) -> None:
    """Raise BreakGlassError if this is the last account that can break the glass.

    Without it, everybody's passwords would be taken again. Only while passwords are limited.
    """
    if not is_limit_wanted() or not user.is_break_glass:
        return
    others = select(User.id).where(*_can_break_glass(), User.id != user.id)
    locked = others.with_for_update(key_share=True)
    if are_passwords_limited(session) and session.scalars(locked).first() is None:
        raise BreakGlassError(
            f"{user.email} is the last account that may break the glass. Let another admin do so"
            " first: `triagedesk user break-glass EMAIL on`."
        )


def _first_break_glass(session: Session) -> int | None:
    return session.scalars(select(User.id).where(*_can_break_glass()).limit(1)).first()


def _can_break_glass() -> tuple[ColumnExpressionArgument[bool], ...]:
    return (
        User.is_break_glass,
        User.is_active,
        User.role == ROLE_ADMIN,
        User.password_hash != NO_PASSWORD,
    )


def provider_name() -> str:
    """What people call the identity provider."""
    settings = current_config().sign_on
    return "single sign-on" if settings is None else settings.name
