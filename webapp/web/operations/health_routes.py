"""The health page for admins, and the health check for load balancers."""

import re

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from webapp import clock
from webapp.services.operations.read_health import is_database_answering, read_health
from webapp.web.access import admin_only, public

health = Blueprint("health", __name__)

_CODE = re.compile(r"`([^`]+)`")


@health.get("/health")
@admin_only
def show() -> ResponseReturnValue:
    """Show the checks of `triagedesk doctor`."""
    return render_template(
        "operations/health.html", checks=read_health(), checked_at=clock.utcnow()
    )


@health.get("/healthz")
@public
def answer() -> ResponseReturnValue:
    """Answer load balancers with `ok`, or with 503 if the database does not answer; no details."""
    if is_database_answering():
        return Response("ok", mimetype="text/plain")
    return Response("unavailable", 503, mimetype="text/plain")


@health.app_template_filter()
def with_code(text: str) -> Markup:
    """Escape a text, and mark up commands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
