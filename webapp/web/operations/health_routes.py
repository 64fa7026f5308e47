"""Health: whether the parts of Triagedesk work, for admins and for load balancers."""

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
    """What `triagedesk doctor` says, in the browser."""
    return render_template(
        "operations/health.html", checks=read_health(), checked_at=clock.utcnow()
    )


@health.get("/healthz")
@public
def answer() -> ResponseReturnValue:
    """For load balancers: `ok`, or 503 where the database does not answer; no details."""
    if is_database_answering():
        return Response("ok", mimetype="text/plain")
    return Response("unavailable", 503, mimetype="text/plain")


@health.app_template_filter()
def with_code(text: str) -> Markup:
    """Commands between backticks as code; everything else as text."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
