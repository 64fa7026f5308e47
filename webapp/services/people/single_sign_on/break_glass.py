"""Break-glass accounts: admins who get in with a password when the identity provider fails."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import User
from webapp.models.user import ROLE_ADMIN
from webapp.services.lookups import get_user
from webapp.services.people.security_notes import tell_person
from webapp.services.people.single_sign_on.local_passwords import (
    BreakGlassError,
    are_passwords_limited,
    refuse_losing_glass,
)
from webapp.services.people.users import drop_password_links, record_user_event
from webapp.services.transactions import transaction

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


def note_glass_broken(user_id: int, shown: str = "password") -> None:
    """Put on record, and tell every other admin, that the password of such an account was used.

    `shown` is what was used in its place. Does nothing where everybody may use a password. Raises
    NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id)
        if are_passwords_limited(session):
            logger.warning("The %s of break-glass account %s was used.", shown, user.id)
            record_user_event(session, user, "user.glass_broken", user.id)
            _tell_admins(session, user, shown)


def _tell_admins(session: Session, user: User, shown: str) -> None:
    admins = select(User.id).where(User.role == ROLE_ADMIN, User.is_active, User.id != user.id)
    for admin_id in session.scalars(admins.order_by(User.id)).all():
        tell_person(
            session,
            admin_id,
            subject="A break-glass account of Triagedesk was used",
            sentence=(
                f"The {shown} of the break-glass account {user.email} was used to sign in. If none"
                " of you did that, end its sessions under Users and look at the audit log."
            ),
        )
