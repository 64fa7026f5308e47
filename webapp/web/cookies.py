"""The cookies of signing in: the tokens of the session, of the browser, and of steps that wait.

Over https their names begin with `__Host-`: a browser takes such a cookie only over https, for this
very host, and from nobody else (RFC 6265bis, section 4.1.3.2).
"""

from datetime import timedelta

from flask import Flask, Response, current_app, request

from webapp.config import Config
from webapp.extensions import current_config
from webapp.services.people.sessions import COOKIE_LENGTH, BegunSession, Browser

SESSION = "triagedesk_login"
DEVICE = "triagedesk_device"
PENDING = "triagedesk_pending"
PROVIDER = "triagedesk_provider"
"""Ties the identity provider's answer to this browser."""
FLASK = "triagedesk_session"
HOST_ONLY = "__Host-"
DEVICE_KEPT = timedelta(days=365)
PENDING_KEPT = timedelta(minutes=10)
FORGET_DATA = '"cache", "storage"'
"""What a browser forgets when somebody leaves it (Clear-Site-Data); cookies are dropped by name,
because the one that makes the browser a known one stays."""


def is_https(config: Config) -> bool:
    """Whether people reach this installation over https."""
    return (config.public_url or "").startswith("https://")


def init_cookies(app: Flask, config: Config) -> None:
    """Set how Flask's own cookie is sent."""
    app.config.update(
        SESSION_COOKIE_NAME=f"{HOST_ONLY if is_https(config) else ''}{FLASK}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https(config),
        SESSION_COOKIE_PATH="/",
    )


def cookie_name(name: str) -> str:
    """The name that this installation's cookie has in browsers."""
    return f"{HOST_ONLY if current_app.config['SESSION_COOKIE_SECURE'] else ''}{name}"


def read_cookie(name: str) -> str | None:
    """A cookie of the request; None if it is missing, empty or too long to be ours."""
    value = request.cookies.get(cookie_name(name))
    return value if value and len(value) <= COOKIE_LENGTH else None


def this_browser() -> Browser:
    """What the request says of the browser."""
    return Browser(
        user_agent=request.user_agent.string,
        address=request.remote_addr,
        device_token=read_cookie(DEVICE),
        session_token=read_cookie(SESSION),
    )


def remember_session(response: Response, begun: BegunSession) -> None:
    """Put the tokens of a session and of its browser into cookies."""
    write_cookie(response, SESSION, begun.token, current_config().security.session_lifetime)
    write_cookie(response, DEVICE, begun.device_token, DEVICE_KEPT)
    drop_cookie(response, PENDING)


def leave_browser(response: Response) -> None:
    """Let the browser forget who was here and what it keeps of the site; it stays a known one."""
    for name in (SESSION, PENDING, PROVIDER):
        drop_cookie(response, name)
    response.headers["Clear-Site-Data"] = FORGET_DATA


def write_cookie(response: Response, name: str, token: str, kept: timedelta) -> None:
    """Put a token into a cookie that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(name),
        token,
        max_age=int(kept.total_seconds()),
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
        path="/",
    )


def drop_cookie(response: Response, name: str) -> None:
    """Let the browser forget a cookie; a browser ignores this if it lacks `Secure`."""
    response.delete_cookie(
        cookie_name(name),
        path="/",
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        samesite="Lax",
    )
