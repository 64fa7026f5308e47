"""Every request has an id: it stands in the log's lines, and in the answer as X-Request-Id."""

import re
import secrets
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from flask import Flask, request

from webapp.log_context import begin_log_fields
from webapp.web.hosts import Application

HEADER = "X-Request-Id"
KEY = "HTTP_X_REQUEST_ID"
USABLE = re.compile(r"[A-Za-z0-9_.-]{8,64}")

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class RequestIds:
    """Gives each request an id; that of a proxy is taken where one is trusted, and no other."""

    def __init__(self, application: Application, *, trusts_proxy: bool) -> None:
        self._application = application
        self._trusts_proxy = trusts_proxy

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        given = environ.get(KEY, "") if self._trusts_proxy else ""
        request_id = given if USABLE.fullmatch(given) else secrets.token_hex(8)
        begin_log_fields(request=request_id)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, (HEADER, request_id)], *more)

        return self._application(environ, start)


def init_request_log(app: Flask) -> None:
    """Name a page that failed by its rule in the log: its address may hold a secret."""

    def log_exception(exc_info: ExceptionInfo | tuple[None, None, None]) -> None:
        rule = request.url_rule.rule if request.url_rule is not None else "unknown page"
        app.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)

    app.log_exception = log_exception  # type: ignore[method-assign]
