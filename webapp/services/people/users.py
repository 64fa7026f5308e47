"""People who may sign in."""

import base64
import secrets
from collections.abc import Mapping

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import PasswordLink, Ticket, User
from webapp.models.columns import NAME_LENGTH
from webapp.models.user import NO_PASSWORD, ROLE_ADMIN, ROLE_AUDITOR, ROLES
from webapp.models.watch import is_no_drill
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.addresses import user_by_email
from webapp.services.people.factors.demand import restart_grace
from webapp.services.people.factors.stored_factors import count_factors
from webapp.services.people.password_rules import check_password, check_password_for, words_about
from webapp.services.people.security_notes import mail_person
from webapp.services.people.sessions import end_sessions
from webapp.services.people.single_sign_on.local_passwords import refuse_losing_glass
from webapp.services.people.throttle import forget_guesses
from webapp.services.transactions import reading, transaction

_CHANGED = "The password of your account was changed. Was it not you? Then tell an admin at once."
NO_ADDRESS = "Enter an e-mail address such as ada@example.com."

_hasher = PasswordHasher()

# Addresses are only names to sign in with here, and many offices use a domain in ".local".
if "local" in SPECIAL_USE_DOMAIN_NAMES:
    SPECIAL_USE_DOMAIN_NAMES.remove("local")


class UserError(FieldError):
    """A value that was entered cannot be taken; nothing was changed."""


class LastAdminError(RefusedError):
    """The change would leave no active admin."""

    def __init__(self) -> None:
        super().__init__("This is the last active admin; make somebody else an admin first.")


def add_user(
    *, email: str, name: str, password: str, role: str, actor_id: int | None = None
) -> User:
    """Add a user.

    The address is stored in lower case. The first user has to be an admin. Raises UserError.
    """
    user = build_user(email=email, name=name, password=password, role=role)
    try:
        with transaction() as session:
            if role != ROLE_ADMIN and not lock_active_admins(session):
                raise UserError({"role": "There is no admin yet; the first user has to be one."})
            session.add(user)
            session.flush()
            record_user_event(
                session, user, "user.added", actor_id, email=user.email, role=user.role
            )
    except IntegrityError as error:
        raise UserError({"email": f"There is a user with the address {user.email}."}) from error
    return user


def build_user(*, email: str, name: str, password: str | None, role: str) -> User:
    """Return a checked user that is not stored yet.

    Nobody can sign in as a user without a password. Raises UserError.
    """
    errors: dict[str, str] = {}
    try:
        address = normalize_email(email)
    except EmailNotValidError:
        errors["email"] = NO_ADDRESS
    if password is not None:
        words = words_about(name=name, email=email)
        errors.update(check_password(password, context=words, has_factor=False).errors())
    if role not in ROLES:
        errors["role"] = f"The role is one of {', '.join(ROLES)}."
    if errors:
        raise UserError(errors)
    return User(
        email=address,
        name=clean_line(name, NAME_LENGTH) or address,
        password_hash=NO_PASSWORD if password is None else hash_password(password),
        role=role,
        is_active=True,
        created_at=clock.utcnow(),
    )


def list_users() -> list[User]:
    """Every user by e-mail address, deactivated ones included."""
    with reading() as session:
        query = select(User).order_by(User.email).execution_options(populate_existing=True)
        return list(session.scalars(query))


def find_user(email: str) -> User:
    """The user with this address, in upper or lower case; raises NotFoundError."""
    with reading() as session:
        user = user_by_email(session, email)
    if user is None:
        raise NotFoundError(f"There is no user {email.strip()}; `triagedesk user list` shows them.")
    return user


def set_password(user_id: int, password: str, actor_id: int | None = None) -> User:
    """Set a new password, end the user's sessions and drop their unused password links.

    Guesses at the old one are forgotten, so that nobody waits who knows the new one.
    Raises UserError, RefusedError for somebody who is forgotten, NotFoundError.
    """
    errors = check_password_for(user_id, password).errors()
    if errors:
        raise UserError(errors)
    password_hash = hash_password(password)
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        refuse_forgotten(user)
        store_password(session, user, password_hash, actor_id=actor_id)
        record_user_event(session, user, "user.password_set", actor_id, password=password_hash)
        return user


def set_role(user_id: int, role: str, actor_id: int | None = None) -> User:
    """Give a user another role.

    Raises UserError, LastAdminError, BreakGlassError, NotFoundError.
    """
    if role not in ROLES:
        raise UserError({"role": f"The role is one of {', '.join(ROLES)}."})
    with transaction() as session:
        admins = lock_active_admins(session)
        user = get_user(session, user_id, lock=True)
        if role != ROLE_ADMIN and admins == [user.id]:
            raise LastAdminError
        change_role(session, user, role, actor_id)
        return user


def deactivate_user(user_id: int, actor_id: int | None = None) -> User:
    """Keep a user from signing in and end their sessions.

    Their tickets and comments stay. Deactivating a user twice is fine. Raises LastAdminError,
    BreakGlassError, NotFoundError.
    """
    with transaction() as session:
        return deactivate(session, user_id, actor_id)


def activate_user(user_id: int, actor_id: int | None = None) -> User:
    """Let a deactivated user sign in again.

    Raises RefusedError for somebody who is forgotten, and NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        refuse_forgotten(user)
        if not user.is_active:
            user.is_active = True
            before = {"is_active": False}
            record_user_event(
                session, user, "user.activated", actor_id, before=before, is_active=True
            )
        return user


def refuse_forgotten(user: User) -> None:
    """Raise RefusedError for a person whose data was erased: nobody is behind that row any more."""
    if user.erased_at is not None:
        raise RefusedError("This person was forgotten. Invite them anew if they come back.")


def deactivate(session: Session, user_id: int, actor_id: int | None) -> User:
    """deactivate_user() within the caller's transaction."""
    admins = lock_active_admins(session)
    user = get_user(session, user_id, lock=True)
    if admins == [user.id]:
        raise LastAdminError
    refuse_losing_glass(session, user)
    end_sessions(session, user.id, actor_id=actor_id)
    drop_password_links(session, user.id)
    if user.is_active:
        user.is_active = False
        before = {"is_active": True}
        record_user_event(
            session, user, "user.deactivated", actor_id, before=before, is_active=False
        )
    return user


def change_role(
    session: Session, user: User, role: str, actor_id: int | None, **details: object
) -> None:
    """Set the role of a loaded user within the caller's transaction; it was checked before.

    Where the new role needs a second factor, the grace begins. Only admins may break the glass.
    `details` are recorded as well.
    Raises UserError where an auditor would have tickets to work on, and BreakGlassError for the
    last admin who may break the glass.
    """
    if user.role != role:
        if role == ROLE_AUDITOR and (count := _count_open_tickets(session, user.id)):
            what = "an open ticket" if count == 1 else f"{count:,} open tickets"
            raise UserError({"role": f"{user.name} has {what}: give them to somebody else first."})
        refuse_losing_glass(session, user)
        before = {"role": user.role}
        user.role = role
        user.is_break_glass = user.is_break_glass and user.is_admin
        restart_grace(session, user)
        record_user_event(
            session, user, "user.role_set", actor_id, before=before, role=role, **details
        )


def _count_open_tickets(session: Session, user_id: int) -> int:
    return (
        session.scalar(
            select(func.count()).where(
                Ticket.assignee_id == user_id, Ticket.closed_at.is_(None), is_no_drill()
            )
        )
        or 0
    )


def store_password(
    session: Session,
    user: User,
    password_hash: str,
    *,
    actor_id: int | None,
    kept_token: str | None = None,
) -> None:
    """Set a loaded user's password within the caller's transaction, and mail them that it changed.

    Every session of theirs ends but the one with the token `kept_token`, and so do password links
    that were not used. A first password, after an invitation, is no news.
    """
    if is_in_use(session, user):
        mail_person(
            session, user.id, subject="Your Triagedesk password was changed", sentence=_CHANGED
        )
    user.password_hash = password_hash
    user.must_change_password = False
    end_sessions(session, user.id, actor_id=actor_id, except_token=kept_token)
    drop_password_links(session, user.id)
    forget_guesses(session, user)


def is_in_use(session: Session, user: User) -> bool:
    """Whether the account is somebody's already, who may sign in without any password."""
    return user.has_password or user.is_linked or count_factors(session, user.id) > 0


def drop_password_links(session: Session, user_id: int) -> None:
    """Delete the password links that a user has not used, within the caller's transaction."""
    session.execute(
        delete(PasswordLink).where(PasswordLink.user_id == user_id, PasswordLink.used_at.is_(None))
    )


def count_users(session: Session) -> int:
    """How many users there are, deactivated ones included."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def normalize_email(email: str) -> str:
    """The address in the form that is stored; raises EmailNotValidError. No DNS is asked."""
    checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    return checked.normalized.lower()


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, parameters and salt included."""
    return _hasher.hash(_as_bytes(password))


def build_unmatched_hash() -> str:
    """A hash that no password matches, to be checked in the same time as a real one.

    It is put together without hashing, so that making it costs nothing.
    """
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_hasher.salt_len, _hasher.hash_len)
    )
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def is_password(password: str, password_hash: str) -> bool:
    """Whether the password matches the hash; takes equally long for every password."""
    try:
        return _hasher.verify(password_hash, _as_bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other costs than new ones are."""
    return _hasher.check_needs_rehash(password_hash)


def _as_bytes(password: str) -> bytes:
    """Encode any text, also lone surrogates (they stand for bytes of stdin that are not UTF-8)."""
    return password.encode("utf-8", "surrogatepass")


def lock_active_admins(session: Session) -> list[int]:
    """The ids of the active admins, locked, so that two admins cannot remove each other at once."""
    query = select(User.id).where(User.role == ROLE_ADMIN, User.is_active).order_by(User.id)
    return list(session.scalars(query.with_for_update(key_share=True)))


def record_user_event(
    session: Session,
    user: User,
    action: str,
    actor_id: int | None,
    *,
    before: Mapping[str, object] | None = None,
    **after: object,
) -> None:
    """Add an audit event about a user to the caller's transaction."""
    record_event(
        session,
        action=action,
        subject_type="user",
        subject_id=user.id,
        before=before,
        after=after,
        actor_id=actor_id,
    )
