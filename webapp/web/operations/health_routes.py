"""The health page for admins, and the checks for load balancers and monitors."""

import re

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError

from webapp.services.operations.check_health import summarize
from webapp.services.operations.read_banner import are_polls_well
from webapp.services.operations.read_health import is_database_answering, read_health
from webapp.web.access import admin_only, public

health = Blueprint("health", __name__)

_CODE = re.compile(r"`([^`]+)`")


@health.get("/health")
@admin_only
def show() -> ResponseReturnValue:
    """Show the checks of `triagedesk doctor`."""
    checks = read_health()
    return render_template("operations/health.html", checks=checks, result=summarize(checks))


@health.get("/healthz")
@public
def answer() -> ResponseReturnValue:
    """Answer load balancers with `ok`, or with 503 if the database does not answer; no details."""
    if is_database_answering():
        return Response("ok", mimetype="text/plain")
    return Response("unavailable", 503, mimetype="text/plain")


@health.get("/readyz")
@public
def answer_ready() -> ResponseReturnValue:
    """Answer monitors with `ok`, or with 503 if a connection is overdue or in error; no details."""
    try:
        is_well = are_polls_well()
    except SQLAlchemyError:
        is_well = False
    if is_well:
        return Response("ok", mimetype="text/plain")
    return Response("not well", 503, mimetype="text/plain")


@health.app_template_filter()
def with_code(text: str) -> Markup:
    """Escape a text, and mark up commands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
