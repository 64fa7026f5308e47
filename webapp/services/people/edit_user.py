"""Changing a person's name and role, and ending their sessions."""

from dataclasses import dataclass

from sqlalchemy import func, select

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import User, UserSession
from webapp.models.columns import NAME_LENGTH
from webapp.models.user import ROLE_ADMIN, ROLES
from webapp.services.errors import ConflictError
from webapp.services.lookups import get_user
from webapp.services.people.users import (
    LastAdminError,
    UserError,
    change_role,
    end_sessions,
    lock_active_admins,
    record_user_event,
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
            f"{user.role}, now. Nothing was saved; check and save again."
        )


@dataclass(frozen=True, slots=True)
class UserEdit:
    """A name and a role; `seen_name` and `seen_role` are what the person saw before."""

    name: str
    role: str
    seen_name: str | None = None
    seen_role: str | None = None


def edit_user(user_id: int, edit: UserEdit, *, actor_id: int, is_confirmed: bool = False) -> User:
    """Store a name and a role; does nothing where neither differs.

    An admin who makes themselves helpdesk has to confirm it. Raises UserError, UserConflictError,
    LastAdminError or NotFoundError, and stores nothing then.
    """
    name = _check(edit)
    with transaction() as session:
        admins = lock_active_admins(session)
        user = get_user(session, user_id, lock=True)
        _refuse_conflict(user, edit)
        if edit.role != ROLE_ADMIN and admins == [user.id]:
            raise LastAdminError
        if user.is_admin and edit.role != ROLE_ADMIN and user_id == actor_id and not is_confirmed:
            raise UserError({"is_confirmed": _CONFIRM})
        if user.name != name:
            before = {"name": user.name}
            user.name = name
            record_user_event(session, user, "user.renamed", actor_id, before=before, name=name)
        change_role(session, user, edit.role, actor_id)
        return user


def sign_out_everywhere(user_id: int, *, actor_id: int | None) -> int:
    """End every session of a user; returns how many there were. Raises NotFoundError."""
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        count = session.scalar(
            select(func.count()).where(
                UserSession.user_id == user.id,
                UserSession.revoked_at.is_(None),
                UserSession.expires_at > clock.utcnow(),
            )
        )
        end_sessions(session, user.id)
        if count:
            record_user_event(session, user, "user.signed_out", actor_id, sessions=count)
        return count or 0


def _check(edit: UserEdit) -> str:
    errors: dict[str, str] = {}
    name = clean_line(edit.name, NAME_LENGTH + 1) or ""
    if not name:
        errors["name"] = "Enter a name."
    elif len(name) > NAME_LENGTH:
        errors["name"] = f"A name has at most {NAME_LENGTH} characters."
    if edit.role not in ROLES:
        errors["role"] = f"The role is one of {', '.join(ROLES)}."
    if errors:
        raise UserError(errors)
    return name


def _refuse_conflict(user: User, edit: UserEdit) -> None:
    for seen, stored in ((edit.seen_name, user.name), (edit.seen_role, user.role)):
        if seen is not None and seen != stored:
            raise UserConflictError(user)
