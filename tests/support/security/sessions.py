"""Signing in without pages."""

from webapp.models import User
from webapp.services.people.sessions import Browser, begin_session
from webapp.services.people.sign_in import check_sign_in
from webapp.services.people.users import find_user
from webapp.web.cookies import SESSION

COOKIE = SESSION
"""The name of the session's cookie where PUBLIC_URL is not https."""


def begin(user_id: int, user_agent: str | None = "tests") -> str:
    """Begin a session for somebody; returns the token for the cookie."""
    return begin_session(user_id, Browser(user_agent=user_agent)).token


def sign_in_as(email: str, password: str, user_agent: str | None = None) -> tuple[User, str]:
    """Check a password and begin a session with it; returns the user and the cookie's token."""
    checked = check_sign_in(email, password)
    browser = Browser(user_agent=user_agent)
    begun = begin_session(checked.id, browser, password_hash=checked.password_hash)
    return find_user(email), begun.token
