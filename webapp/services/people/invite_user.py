"""Inviting people: an account without a password, and a link to choose one."""

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from webapp.models import User
from webapp.services.people.password_links import IssuedLink, issue_link
from webapp.services.people.single_sign_on.local_passwords import may_use_password
from webapp.services.people.users import UserError, build_user, record_user_event
from webapp.services.transactions import transaction


@dataclass(frozen=True, slots=True)
class Invitation:
    """An account that waits for its person; no link where passwords are off."""

    user: User
    link: IssuedLink | None


def invite_user(*, email: str, name: str, role: str, actor_id: int | None) -> Invitation:
    """Add a user, with the link with which they choose a password.

    Nobody can sign in as this user before that, but whoever has the verified address at the
    identity provider. Raises UserError.
    """
    user = build_user(email=email, name=name, password=None, role=role)
    try:
        with transaction() as session:
            session.add(user)
            session.flush()
            record_user_event(
                session, user, "user.invited", actor_id, email=user.email, role=user.role
            )
            has_link = may_use_password(session, user)
            return Invitation(user, issue_link(session, user) if has_link else None)
    except IntegrityError as error:
        raise UserError({"email": f"There is a user with the address {user.email}."}) from error
