"""The integrations page, which lists by category what Triagedesk can connect to."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.domain.integrations import providers_by_category
from webapp.extensions import current_config
from webapp.services.connections.connection_health import read_connections_health
from webapp.web.access import admin_only

integrations = Blueprint("integrations", __name__)


@integrations.get("/integrations")
@admin_only
def show() -> ResponseReturnValue:
    """Show the integrations of the registry and the existing connections."""
    is_enterprise = current_config().is_enterprise
    return render_template(
        "connections/integrations.html",
        groups=providers_by_category(),
        is_enterprise=is_enterprise,
        connections={"huntress": read_connections_health() if is_enterprise else []},
    )
