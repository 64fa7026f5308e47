"""One-time links with which a person chooses a password after an invitation or a reset."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.models import PasswordLink, User
from webapp.models.user import PURPOSE_INVITATION, PURPOSE_RESET
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.password_rules import check_password_for
from webapp.services.people.security_notes import tell_person
from webapp.services.people.set_preferences import zone_of_browser
from webapp.services.people.single_sign_on.local_passwords import (
    may_use_password,
    require_password_use,
)
from webapp.services.people.tokens import hash_code, make_code
from webapp.services.people.users import (
    UserError,
    drop_password_links,
    hash_password,
    is_in_use,
    record_user_event,
    store_password,
)
from webapp.services.transactions import reading, transaction

LINK_LIFETIMES = {
    PURPOSE_INVITATION: timedelta(hours=72),
    PURPOSE_RESET: timedelta(hours=24),
}
"""How long a link works, by its purpose: what opens an account in use is open for less time."""


class PasswordLinkError(RefusedError):
    """The token is wrong, used or too old, or its user was deactivated."""

    def __init__(self) -> None:
        super().__init__(
            "This link is wrong, was used already or is too old: an invitation works for 72 hours, "
            "a link for a new password for 24. Ask an admin for a new one."
        )


class InactiveUserError(RefusedError):
    """A deactivated user gets no link before the account is activated."""

    def __init__(self, user: User) -> None:
        super().__init__(f"{user.name} is deactivated; activate the account first.")


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link that was just made.

    Only the token's hash is stored, so the token is known only here. Times are UTC.
    """

    user: User
    token: str
    purpose: str
    expires_at: datetime


def issue_link(session: Session, user: User) -> IssuedLink:
    """Store and return a new link (128 random bits, one use).

    Invitations work for 72 hours, links for a new password for 24.
    Runs within the caller's transaction. Only the token's hash is stored. Links that the user has
    not used become worthless.
    """
    now = clock.utcnow()
    drop_password_links(session, user.id)
    token = make_code()
    purpose = PURPOSE_RESET if is_in_use(session, user) else PURPOSE_INVITATION
    expires_at = now + LINK_LIFETIMES[purpose]
    session.add(
        PasswordLink(
            token_hash=hash_code(token),
            user_id=user.id,
            purpose=purpose,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return IssuedLink(user, token, purpose, expires_at)


def make_password_link(user_id: int, *, actor_id: int | None) -> IssuedLink:
    """Return a link for a user who forgot the password or lost the invitation.

    The old password works until the link is used. Raises InactiveUserError, PasswordsOffError,
    NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if not user.is_active:
            raise InactiveUserError(user)
        require_password_use(session, user)
        link = issue_link(session, user)
        record_user_event(session, user, "user.link_made", actor_id, purpose=link.purpose)
        if link.purpose == PURPOSE_RESET and actor_id != user.id:
            _tell_owner(session, user, actor_id)
        return link


def _tell_owner(session: Session, user: User, actor_id: int | None) -> None:
    """Tell somebody who can sign in that somebody else may now choose their password."""
    actor = "somebody with access to the server"
    if actor_id is not None:
        actor = get_user(session, actor_id).name
    tell_person(
        session,
        user.id,
        subject="A link to choose your password",
        sentence=(
            f"A link with which your password can be chosen anew was made by {actor}. Did you not"
            " ask for it? Then tell another admin, who can withdraw it under Users."
        ),
    )


def find_link_owner(token: str) -> User:
    """Return the user of a link that can still be used. Raises PasswordLinkError. Only reads."""
    with reading() as session:
        return _usable_link(session, token).user


def choose_password(token: str, password: str, *, browser_zone: str | None = None) -> User:
    """Set the password of a link's user, end their sessions and mark the link as used.

    Somebody who was invited gets the time zone of their browser with the first password. If two
    people use the link at the same moment, one succeeds. Raises PasswordLinkError, or UserError if
    the password cannot be taken; after a UserError the link can still be used.
    """
    with reading() as session:
        user_id = _usable_link(session, token).user_id
    errors = check_password_for(user_id, password).errors()
    if errors:
        raise UserError(errors)
    password_hash = hash_password(password)
    with transaction() as session:
        # Lock the user first, as everything does that makes, withdraws or drops links.
        user = get_user(session, user_id, lock=True)
        link = _usable_link(session, token, lock=True)
        link.used_at = clock.utcnow()
        session.flush()
        if link.purpose == PURPOSE_INVITATION:
            user.time_zone = zone_of_browser(browser_zone)
        store_password(session, user, password_hash, actor_id=user.id)
        record_user_event(session, user, "user.password_chosen", user.id, password=password_hash)
        return user


def withdraw_link(user_id: int, *, actor_id: int | None) -> bool:
    """Make a user's open link worthless; returns whether there was one. Raises NotFoundError."""
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        withdrawn = session.scalars(
            delete(PasswordLink)
            .where(PasswordLink.user_id == user.id, PasswordLink.used_at.is_(None))
            .returning(PasswordLink.id)
        ).all()
        if withdrawn:
            record_user_event(session, user, "user.link_withdrawn", actor_id)
        return bool(withdrawn)


def _usable_link(session: Session, token: str, *, lock: bool = False) -> PasswordLink:
    query = (
        select(PasswordLink)
        .join(PasswordLink.user)
        .where(
            PasswordLink.token_hash == hash_code(token),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > clock.utcnow(),
            User.is_active,
        )
        .options(joinedload(PasswordLink.user))
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query.with_for_update(of=PasswordLink) if lock else query)
    if found is None or not may_use_password(session, found.user):
        raise PasswordLinkError
    return found
