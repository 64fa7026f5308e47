"""The configuration page."""

from flask import render_template
from flask.typing import ResponseReturnValue

from webapp.extensions import current_config
from webapp.services.operations.describe_configuration import describe_configuration
from webapp.web.access import admin_only
from webapp.web.settings.blueprint import settings


@settings.get("/configuration")
@admin_only
def show_configuration() -> ResponseReturnValue:
    """Show the configuration from the environment; it cannot be changed here."""
    return render_template(
        "settings/configuration.html", settings=describe_configuration(current_config())
    )
