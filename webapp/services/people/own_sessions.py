"""A person's own sessions: where they are signed in, and ending that elsewhere."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp import clock
from webapp.domain.security.user_agents import describe_user_agent
from webapp.models import User, UserSession
from webapp.services.people.sessions import end_sessions, is_alive, revoke_sessions
from webapp.services.transactions import reading, transaction


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as lists show it; times are UTC."""

    id: int
    reference: str
    browser: str
    address: str | None
    method: str | None
    factor: str | None
    began_at: datetime
    seen_at: datetime
    email: str


def list_sessions(user_id: int | None = None) -> list[ShownSession]:
    """The sessions that can be used, of one person or of all; the last used first. Only reads."""
    query = (
        select(UserSession)
        .join(UserSession.user)
        .where(*is_alive(clock.utcnow()), User.is_active)
        .options(joinedload(UserSession.user))
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
        .execution_options(populate_existing=True)
    )
    if user_id is not None:
        query = query.where(UserSession.user_id == user_id)
    with reading() as session:
        return [_shown(row) for row in session.scalars(query)]


def end_session(user_id: int, session_id: int) -> bool:
    """End one session of a person; returns whether it could still be used."""
    is_this = UserSession.user_id == user_id, UserSession.id == session_id
    with transaction() as session:
        return revoke_sessions(session, *is_this, actor_id=user_id) > 0


def end_other_sessions(user_id: int, kept_reference: str) -> int:
    """End every session of a person but one; returns how many could still be used."""
    with transaction() as session:
        return end_sessions(session, user_id, actor_id=user_id, except_reference=kept_reference)


def end_all_sessions(user_id: int | None = None) -> int:
    """End every session of one person or of everybody; returns how many could still be used."""
    with transaction() as session:
        return end_sessions(session, user_id, actor_id=None)


def _shown(row: UserSession) -> ShownSession:
    return ShownSession(
        id=row.id,
        reference=row.reference or "",
        browser=describe_user_agent(row.user_agent),
        address=row.address,
        method=row.method,
        factor=row.factor,
        began_at=row.created_at,
        seen_at=row.last_seen_at or row.created_at,
        email=row.user.email,
    )
