"""Inviting people: an account without a password, and a link to choose one."""

from sqlalchemy.exc import IntegrityError

from webapp.services.people.password_links import IssuedLink, issue_link
from webapp.services.people.users import UserError, build_user, record_user_event
from webapp.services.transactions import transaction


def invite_user(*, email: str, name: str, role: str, actor_id: int | None) -> IssuedLink:
    """Add a user and return the link with which they choose a password.

    Nobody can sign in as this user before that. Raises UserError.
    """
    user = build_user(email=email, name=name, password=None, role=role)
    try:
        with transaction() as session:
            session.add(user)
            session.flush()
            record_user_event(
                session, user, "user.invited", actor_id, email=user.email, role=user.role
            )
            return issue_link(session, user)
    except IntegrityError as error:
        raise UserError({"email": f"There is a user with the address {user.email}."}) from error
