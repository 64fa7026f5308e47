"""People as the Users pages show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import PasswordLink, Ticket, User, UserSession
from webapp.models.user import ROLE_ADMIN
from webapp.models.watch import is_no_drill
from webapp.services.lookups import get_user
from webapp.services.people.sessions import is_alive
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user and the figures that the Users pages show. Times are UTC.

    `sessions` can be used now. `last_sign_in_at` is None where no session is on record; they are
    kept until they expire.
    `link_expires_at` is when the user's open link to choose a password stops working.
    """

    user: User
    open_tickets: int = 0
    sessions: int = 0
    last_sign_in_at: datetime | None = None
    link_expires_at: datetime | None = None
    is_last_admin: bool = False

    @property
    def is_invited(self) -> bool:
        """Whether this person has never come in: without a password, and linked to nobody."""
        return not self.user.has_password and not self.user.is_linked


def read_users() -> list[UserRow]:
    """All users by name, read in a fixed number of queries."""
    with reading() as session:
        query = select(User).order_by(func.lower(User.name), User.id)
        users = session.scalars(query.execution_options(populate_existing=True)).all()
        return _rows(session, users)


def read_user(user_id: int) -> UserRow:
    """One person; raises NotFoundError."""
    with reading() as session:
        [row] = _rows(session, [get_user(session, user_id)])
        return row


def list_successors(user_id: int) -> list[User]:
    """All other users who may be given tickets, by name: they could take over this user's."""
    with reading() as session:
        query = select(User).where(User.may_work, User.id != user_id)
        return list(session.scalars(query.order_by(func.lower(User.name), User.id)))


def _rows(session: Session, users: Sequence[User]) -> list[UserRow]:
    now = clock.utcnow()
    tickets = _by_user(session, _open_tickets())
    sessions = _by_user(session, _open_sessions(now))
    sign_ins = _by_user(session, _sign_ins())
    links = _by_user(session, _links(now))
    admins = session.scalars(
        select(User.id).where(User.role == ROLE_ADMIN, User.is_active).limit(2)
    ).all()
    return [
        UserRow(
            user=user,
            open_tickets=tickets.get(user.id, 0),
            sessions=sessions.get(user.id, 0),
            last_sign_in_at=sign_ins.get(user.id),
            link_expires_at=links.get(user.id),
            is_last_admin=admins == [user.id],
        )
        for user in users
    ]


def _by_user(session: Session, statement: Select[Any, Any]) -> dict[int, Any]:
    return {row[0]: row[1] for row in session.execute(statement)}


def _open_tickets() -> Select[int | None, int]:
    key = Ticket.assignee_id
    is_counted = key.is_not(None), Ticket.closed_at.is_(None), is_no_drill()
    return select(key, func.count()).where(*is_counted).group_by(key)


def _open_sessions(now: datetime) -> Select[int, int]:
    key = UserSession.user_id
    return select(key, func.count()).where(*is_alive(now)).group_by(key)


def _sign_ins() -> Select[int, datetime]:
    key = UserSession.user_id
    return select(key, func.max(UserSession.created_at)).group_by(key)


def _links(now: datetime) -> Select[int, datetime]:
    key = PasswordLink.user_id
    is_usable = PasswordLink.used_at.is_(None), PasswordLink.expires_at > now
    return select(key, func.max(PasswordLink.expires_at)).where(*is_usable).group_by(key)
