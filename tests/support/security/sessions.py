"""Signing in without pages."""

from datetime import timedelta

from sqlalchemy import select

from webapp import clock
from webapp.models import User, UserSession
from webapp.services.people.sessions import Browser, begin_session
from webapp.services.people.sign_in import check_sign_in
from webapp.services.people.tokens import hash_cookie, make_reference, make_token
from webapp.services.people.users import find_user
from webapp.services.transactions import transaction
from webapp.web.cookies import SESSION

COOKIE = SESSION
"""The name of the session's cookie where PUBLIC_URL is not https."""


def begin(user_id: int, user_agent: str | None = "tests") -> str:
    """Store a session of two weeks and nothing about it; returns the token for the cookie."""
    token, now = make_token(), clock.utcnow()
    with transaction() as session:
        session.add(
            UserSession(
                token_hash=hash_cookie(token),
                user_id=user_id,
                created_at=now,
                last_seen_at=now,
                present_at=now,
                expires_at=now + timedelta(days=14),
                user_agent=user_agent,
                reference=make_reference(),
                method="password",
            )
        )
    return token


def be_present() -> None:
    """Let everybody who is signed in have shown just now who they are."""
    with transaction() as session:
        for row in session.scalars(select(UserSession)):
            row.present_at = clock.utcnow()


def sign_in_as(email: str, password: str, user_agent: str | None = None) -> tuple[User, str]:
    """Check a password and begin a session with it; returns the user and the cookie's token."""
    checked = check_sign_in(email, password)
    browser = Browser(user_agent=user_agent)
    begun = begin_session(checked.id, browser, password_hash=checked.password_hash)
    return find_user(email), begun.token
