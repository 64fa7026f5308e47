"""The integrations page, which lists by category what Triagedesk can connect to."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.domain.integrations import HUNTRESS, providers_by_category
from webapp.services.connections.connection_health import read_connections_health
from webapp.services.edition import has_integration
from webapp.web.access import admin_only

integrations = Blueprint("integrations", __name__)


@integrations.get("/integrations")
@admin_only
def show() -> ResponseReturnValue:
    """Show the integrations of the registry and the existing connections."""
    return render_template(
        "connections/integrations.html",
        groups=providers_by_category(),
        has_integration=has_integration,
        connections={HUNTRESS: read_connections_health()},
    )
