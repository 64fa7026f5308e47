"""The health page for admins, the checks for load balancers and monitors, and the metrics."""

import re

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy.exc import SQLAlchemyError

from webapp.extensions import current_config
from webapp.services.operations.check_health import describe_checks, summarize
from webapp.services.operations.read_banner import are_polls_well
from webapp.services.operations.read_health import is_database_answering, read_health
from webapp.services.watch.metrics import CONTENT_TYPE, render_metrics
from webapp.web.access import admin_only, public
from webapp.web.operations.metrics_token import has_metrics_token
from webapp.web.viewer import asked_by_pages

health = Blueprint("health", __name__)

_CODE = re.compile(r"`([^`]+)`")


@health.get("/health")
@admin_only
@asked_by_pages
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
    """Answer monitors with `ok`, or with 503 if a connection is overdue or in error.

    Whoever sends the token of TRIAGEDESK_METRICS_TOKEN gets the checks of `doctor` as JSON.
    """
    try:
        is_well = are_polls_well()
    except SQLAlchemyError:
        is_well = False
    if request.authorization is not None and has_metrics_token():
        return jsonify(describe_checks(read_health())), 200 if is_well else 503
    if is_well:
        return Response("ok", mimetype="text/plain")
    return Response("not well", 503, mimetype="text/plain")


@health.get("/metrics")
@public
def show_metrics() -> ResponseReturnValue:
    """Answer Prometheus, which has to send the token; without a configured one there is no page."""
    if current_config().metrics_token is None:
        abort(404)
    if not has_metrics_token():
        answer = Response("The bearer token is missing or wrong.\n", 401, mimetype="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        return Response(
            render_metrics(str(current_app.jinja_env.globals["version"])), content_type=CONTENT_TYPE
        )
    except SQLAlchemyError:
        return Response("The database cannot be used.\n", 503, mimetype="text/plain")


@health.app_template_filter()
def with_code(text: str) -> Markup:
    """Escape a text, and mark up commands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
