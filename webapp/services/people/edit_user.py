"""Changing a person's name, e-mail address and role, and ending their sessions."""

from dataclasses import dataclass

from email_validator import EmailNotValidError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.untrusted import clean_line
from webapp.models import User
from webapp.models.columns import NAME_LENGTH
from webapp.models.user import ROLE_ADMIN, ROLES
from webapp.services.audit import changes_between
from webapp.services.errors import ConflictError
from webapp.services.lookups import get_user
from webapp.services.people.security_notes import tell_person
from webapp.services.people.sessions import end_sessions
from webapp.services.people.users import (
    NO_ADDRESS,
    LastAdminError,
    UserError,
    change_role,
    lock_active_admins,
    normalize_email,
    record_user_event,
    refuse_forgotten,
)
from webapp.services.transactions import transaction

_CONFIRM = (
    "You would lose access to everything that is for admins, this page included. Confirm that you "
    "want that."
)


class UserConflictError(ConflictError):
    """Somebody else changed the user after this person had loaded the page."""

    def __init__(self, user: User) -> None:
        super().__init__(
            f"Somebody changed this account while you were looking at it: it is {user.name}, "
            f"{user.role}, {user.email} now. Nothing was saved; check and save again."
        )


@dataclass(frozen=True, slots=True)
class UserEdit:
    """A name, role and address, and what the person saw; a role or address of None stays."""

    name: str
    role: str | None = None
    seen_name: str | None = None
    seen_role: str | None = None
    email: str | None = None
    seen_email: str | None = None


def edit_user(user_id: int, edit: UserEdit, *, actor_id: int, is_confirmed: bool = False) -> User:
    """Store a name, an address and a role; does nothing where none differs.

    Sessions go on after a change of address, which is told to the user: on their next page, and by
    mail to the address that they had. An admin who makes themselves helpdesk has to confirm
    it. Raises UserError, UserConflictError, LastAdminError, NotFoundError, or RefusedError for
    somebody who is forgotten, and stores nothing then.
    """
    name, email = _check(edit)
    try:
        with transaction() as session:
            admins = lock_active_admins(session)
            user = get_user(session, user_id, lock=True)
            refuse_forgotten(user)
            _refuse_conflict(user, edit)
            is_demoted = user.is_admin and edit.role not in (ROLE_ADMIN, None)
            if is_demoted and admins == [user.id]:
                raise LastAdminError
            if is_demoted and user_id == actor_id and not is_confirmed:
                raise UserError({"is_confirmed": _CONFIRM})
            _change(session, user, "user.renamed", actor_id, name=name)
            if email not in (None, user.email):
                _tell_of_address(session, user)
            _change(session, user, "user.email_changed", actor_id, email=email or user.email)
            change_role(session, user, edit.role or user.role, actor_id)
            return user
    except IntegrityError as error:
        raise UserError({"email": f"There is a user with the address {email}."}) from error


def _change(session: Session, user: User, action: str, actor_id: int | None, **values: str) -> None:
    before, after = changes_between({name: getattr(user, name) for name in values}, values)
    for name, value in after.items():
        setattr(user, name, value)
        session.flush()
        record_user_event(session, user, action, actor_id, before=before, **after)


def _tell_of_address(session: Session, user: User) -> None:
    """Tell somebody whose address is about to change; where to is in the audit log alone."""
    tell_person(
        session,
        user.id,
        subject="The address of your Triagedesk account was changed",
        sentence=(
            f"The e-mail address of your account was changed; it was {user.email}. Was it not you?"
            " Then tell an admin at once."
        ),
        address=user.email,
    )


def sign_out_everywhere(user_id: int, *, actor_id: int | None) -> int:
    """End every session of a user; returns how many there were. Raises NotFoundError."""
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        count = end_sessions(session, user.id, actor_id=actor_id)
        if count:
            record_user_event(session, user, "user.signed_out", actor_id, sessions=count)
        return count


def _check(edit: UserEdit) -> tuple[str, str | None]:
    """The cleaned name and address."""
    errors: dict[str, str] = {}
    name = clean_line(edit.name, NAME_LENGTH + 1) or ""
    if not name:
        errors["name"] = "Enter a name."
    elif len(name) > NAME_LENGTH:
        errors["name"] = f"A name has at most {NAME_LENGTH} characters."
    email = None
    try:
        email = None if edit.email is None else normalize_email(edit.email)
    except EmailNotValidError:
        errors["email"] = NO_ADDRESS
    if edit.role not in (*ROLES, None):
        errors["role"] = f"The role is one of {', '.join(ROLES)}."
    if errors:
        raise UserError(errors)
    return name, email


def _refuse_conflict(user: User, edit: UserEdit) -> None:
    for seen, stored in (
        (edit.seen_name, user.name),
        (edit.seen_email, user.email),
        (edit.seen_role, user.role),
    ):
        if seen is not None and seen != stored:
            raise UserConflictError(user)
