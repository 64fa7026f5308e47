"""Signing in and out; a session is a row that can be revoked."""

import base64
import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.security.passwords import MOST
from webapp.models import User, UserSession
from webapp.models.user import USER_AGENT_LENGTH
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.password_upkeep import look_after_password
from webapp.services.people.users import (
    build_unmatched_hash,
    end_sessions,
    is_password,
    user_by_email,
)
from webapp.services.transactions import reading, transaction

SESSION_LIFETIME = timedelta(days=14)
CODE_BYTES = 16
TRIES = 2
"""The hash may be renewed by another sign-in at the same moment; then it is looked at again."""


class SignInError(RefusedError):
    """The address or the password is wrong; the message does not say which."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


def sign_in(email: str, password: str, user_agent: str | None) -> tuple[User, str]:
    """Begin a session of 14 days; returns the user and the token for the cookie.

    Only the token's hash is stored. Signing in with an unknown address, or as a user who is
    deactivated or has no password yet, takes as long as with a wrong password.

    Raises SignInError, also if the password was changed or the user deactivated while the password
    was checked: that change ends all sessions, so no new one may begin after it.
    """
    for _ in range(TRIES):
        user = _find_owner(email, password[: MOST + 1])
        stored = look_after_password(user, password)
        with transaction() as session:
            current = get_user(session, user.id, lock=True)
            if current.is_active and current.password_hash == stored:
                return current, _add_session(session, current.id, user_agent)
    raise SignInError


def _find_owner(email: str, password: str) -> User:
    with reading() as session:
        user = user_by_email(session, email)
    has_hash = user is not None and user.has_password
    is_right = is_password(
        password, user.password_hash if user and has_hash else build_unmatched_hash()
    )
    if user is None or not user.is_active or not is_right:
        raise SignInError
    return user


def begin_session(user_id: int, user_agent: str | None) -> str:
    """Store a session of 14 days for a user who has proved who they are; returns its token."""
    with transaction() as session:
        return _add_session(session, user_id, user_agent)


def find_session(token: str) -> UserSession | None:
    """The session of a token with its user loaded, or None if it cannot be used.

    A session cannot be used if it is expired or revoked or its user is deactivated. Only reads.
    """
    query = (
        select(UserSession)
        .join(UserSession.user)
        .where(
            UserSession.token_hash == hash_token(token),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > clock.utcnow(),
            User.is_active,
        )
        .options(joinedload(UserSession.user))
        .execution_options(populate_existing=True)
    )
    with reading() as session:
        return session.scalar(query)


def sign_out(token: str) -> None:
    """End the session of a token; does nothing if it does not exist or has ended."""
    with transaction() as session:
        found = session.scalar(
            select(UserSession).where(
                UserSession.token_hash == hash_token(token), UserSession.revoked_at.is_(None)
            )
        )
        if found is not None:
            found.revoked_at = clock.utcnow()


def revoke_sessions(user_id: int) -> None:
    """End every session of a user."""
    with transaction() as session:
        end_sessions(session, user_id)


def make_code() -> str:
    """A random token (128 bits) that a person may have to type: lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().strip("=").lower()


def hash_code(typed: str) -> str:
    """The hash to store for a code of make_code(), regardless of its spaces and case."""
    return hash_token("".join(typed.split()).lower())


def hash_token(token: str) -> str:
    """The hash to store for a random token: its SHA-256, as 64 hexadecimal digits."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def _add_session(session: Session, user_id: int, user_agent: str | None) -> str:
    token = secrets.token_urlsafe(32)
    now = clock.utcnow()
    session.execute(delete(UserSession).where(UserSession.expires_at <= now))
    session.add(
        UserSession(
            token_hash=hash_token(token),
            user_id=user_id,
            created_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent=(user_agent or "")[:USER_AGENT_LENGTH] or None,
        )
    )
    return token
