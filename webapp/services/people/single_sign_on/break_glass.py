"""Break-glass accounts: admins who get in with a password when the identity provider fails."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.security.events import GLASS_BROKEN
from webapp.models import User
from webapp.models.user import ROLE_ADMIN
from webapp.services.audit import record_event
from webapp.services.lookups import get_user
from webapp.services.people.security_notes import tell_person
from webapp.services.people.single_sign_on.local_passwords import (
    BreakGlassError,
    PasswordsOffError,
    are_passwords_limited,
    is_limit_wanted,
    may_use_password,
    provider_name,
    refuse_losing_glass,
)
from webapp.services.people.users import drop_password_links, record_user_event
from webapp.services.transactions import reading, transaction

logger = logging.getLogger(__name__)


def set_break_glass(user_id: int, is_on: bool, *, actor_id: int | None = None) -> User:
    """Let an admin break the glass, or no longer; does nothing where that is so already.

    Raises BreakGlassError for somebody who is no active admin with a password, and for the last
    one while passwords are limited; NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if user.is_break_glass == is_on:
            return user
        if is_on and not (user.is_admin and user.is_active and user.has_password):
            raise BreakGlassError(
                f"{user.email} has to be an active admin with a password, to get in when the"
                " identity provider fails."
            )
        if not is_on:
            refuse_losing_glass(session, user)
            drop_password_links(session, user.id)
        user.is_break_glass = is_on
        before = {"is_break_glass": not is_on}
        record_user_event(
            session, user, "user.break_glass_set", actor_id, before=before, is_break_glass=is_on
        )
        return user


def require_local_sign_in(user_id: int) -> None:
    """Let somebody sign in with a passkey alone, as with a password; see may_use_password().

    A refusal is on record, and so is the use of a break-glass account. Raises PasswordsOffError.
    """
    with reading() as session:
        user = get_user(session, user_id)
        is_allowed = may_use_password(session, user)
    if is_allowed:
        note_glass_broken(user_id)
        return
    with transaction() as session:
        record_event(
            session,
            action="session.refused",
            subject_type="user",
            subject_id=user_id,
            after={"reason": "passwords are off"},
        )
    raise PasswordsOffError(provider_name())


def note_glass_broken(user_id: int) -> None:
    """Put on record, and tell every other admin, that a break-glass account is used to sign in.

    Does nothing for other accounts, and where everybody may use a password. Raises NotFoundError.
    """
    if not is_limit_wanted():
        return
    with transaction() as session:
        user = get_user(session, user_id)
        if user.is_break_glass and are_passwords_limited(session):
            logger.warning("Break-glass account %s is used to sign in.", user.id)
            record_user_event(session, user, GLASS_BROKEN, user.id)
            _tell_admins(session, user)


def _tell_admins(session: Session, user: User) -> None:
    admins = select(User.id).where(User.role == ROLE_ADMIN, User.is_active, User.id != user.id)
    for admin_id in session.scalars(admins.order_by(User.id)).all():
        tell_person(
            session,
            admin_id,
            subject="A break-glass account of Triagedesk was used",
            sentence=(
                f"The break-glass account {user.email} was used to sign in. If none of you did"
                " that, end its sessions under Users and look at the audit log."
            ),
        )
