"""The steps of create_app(), in their order."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import clock, models, task_queue  # noqa: F401 - models registers every table
from webapp.config import Config
from webapp.crypto import cipher
from webapp.extensions import (
    csrf,
    db,
    limiter,
    login_manager,
    migrate,
    prepare_sqlite,
    read_server_time,
)
from webapp.web import register_web
from webapp.web.hosts import HeadAsGet, HostGuard
from webapp.web.session_cookie import ClockSessions

MAX_REQUEST_BYTES = 16 * 1024 * 1024


def migrations_dir() -> Path:
    """The directory of the numbered migrations: beside the package, or inside an installed one."""
    package = Path(__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def init_settings(app: Flask, config: Config) -> None:
    """Set Flask's own settings; cookies are sent only over https if PUBLIC_URL is https."""
    app.session_interface = ClockSessions()
    is_https = (config.public_url or "").startswith("https://")
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "hide_parameters": True,  # credentials and reports must not reach errors or logs
            "pool_pre_ping": not config.uses_sqlite,
        },
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        SESSION_COOKIE_NAME="triagedesk_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=is_https,
        RATELIMIT_STORAGE_URI=config.redis_url.replace("unix://", "redis+unix://", 1),
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 1, "socket_timeout": 1},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_SWALLOW_ERRORS=True,
    )
    app.wsgi_app = HostGuard(HeadAsGet(app.wsgi_app), config.public_url)  # type: ignore[method-assign]
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def init_database(app: Flask, config: Config) -> None:
    """Bind the database, its migrations and the keys of its encrypted columns."""
    cipher.configure(config.encryption_keys)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(migrations_dir()), render_as_batch=True)
    with app.app_context():
        if config.uses_sqlite:
            prepare_sqlite(db.engine)
            clock.shared.follow(None)
        else:
            clock.shared.follow(partial(read_server_time, db.engine))


def init_queue(app: Flask, config: Config) -> None:
    """Configure the job queue; this does not connect to Redis yet."""
    task_queue.configure(config.redis_url)


def init_security(app: Flask, config: Config) -> None:
    """Set up CSRF protection, sign-in and the throttle of sign-ins."""
    csrf.init_app(app)
    login_manager.init_app(app)
    limiter.init_app(app)


def init_web(app: Flask, config: Config) -> None:
    """Set up pages, error pages, template filters and response headers."""
    register_web(app)


STEPS: tuple[Callable[[Flask, Config], None], ...] = (
    init_settings,
    init_database,
    init_queue,
    init_security,
    init_web,
)
