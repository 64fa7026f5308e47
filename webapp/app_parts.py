"""The steps of create_app(), in their order."""

from collections.abc import Callable

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.app_base import init_database, init_queue, set_engine_options
from webapp.config import Config
from webapp.extensions import csrf, limiter, login_manager
from webapp.schema import init_migrations
from webapp.web import register_web
from webapp.web.cookies import init_cookies, is_https
from webapp.web.hosts import HeadAsGet, HostGuard
from webapp.web.request_ids import RequestIds
from webapp.web.request_sizes import init_request_sizes
from webapp.web.session_cookie import ClockSessions, sign_with_sha256


def init_settings(app: Flask, config: Config) -> None:
    """Set Flask's own settings; cookies are sent only over https if PUBLIC_URL is https."""
    app.session_interface = ClockSessions()
    sign_with_sha256()
    set_engine_options(app, config)
    init_cookies(app, config)
    app.config.update(
        SECRET_KEY=config.secret_key,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=is_https(config),
        RATELIMIT_STORAGE_URI=config.redis_url.replace("unix://", "redis+unix://", 1),
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 1, "socket_timeout": 1},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_SWALLOW_ERRORS=True,
    )
    init_request_sizes(app)
    app.wsgi_app = HostGuard(HeadAsGet(app.wsgi_app), config.public_url)  # type: ignore[method-assign]
    hops = config.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = RequestIds(app.wsgi_app, trusts_proxy=hops > 0)  # type: ignore[method-assign]


def init_schema(app: Flask, config: Config) -> None:
    """Set up the migrations."""
    init_migrations(app)


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
    init_schema,
    init_queue,
    init_security,
    init_web,
)
