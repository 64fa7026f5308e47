"""Response headers: they restrict what a page may do in the browser and forbid caching."""

import secrets

from flask import Flask, Response, g, request

from webapp.bare_page import HEADERS, https_header
from webapp.extensions import current_config
from webapp.web.access import STATIC_ENDPOINT

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_headers(app: Flask) -> None:
    """Add the headers to every response, and `csp_nonce` to every template."""

    @app.context_processor
    def _nonce() -> dict[str, str]:
        return {"csp_nonce": csp_nonce()}

    @app.after_request
    def _add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=csp_nonce()))
        always = HEADERS | https_header(current_config().public_url)
        for name, value in always.items():
            response.headers.setdefault(name, value)
        if request.endpoint != STATIC_ENDPOINT:
            response.headers["Cache-Control"] = "no-store"
            response.vary.add("Cookie")
        return response


def csp_nonce() -> str:
    """The random value that scripts of this response must carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce
