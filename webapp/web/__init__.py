"""The pages: one folder an area, each with its routes and forms."""

from flask import Flask

from webapp.web.access import init_access
from webapp.web.addresses import init_addresses
from webapp.web.clients.asset_routes import assets
from webapp.web.clients.client_routes import clients
from webapp.web.connections.connection_routes import connections
from webapp.web.connections.integration_routes import integrations
from webapp.web.errors import init_errors
from webapp.web.filters import init_filters
from webapp.web.headers import init_headers
from webapp.web.mapping.table_routes import mapping
from webapp.web.navigation import init_navigation
from webapp.web.operations.audit_routes import audit
from webapp.web.operations.dashboard_routes import dashboard
from webapp.web.operations.health_routes import health
from webapp.web.page_context import init_page_context
from webapp.web.people.account_routes import account
from webapp.web.people.user_routes import users
from webapp.web.polling.polling_routes import polling
from webapp.web.settings.numbering_routes import settings
from webapp.web.static_files import init_static_files
from webapp.web.tickets.routes import tickets
from webapp.web.viewer import init_viewer

BLUEPRINTS = (
    account,
    assets,
    audit,
    clients,
    dashboard,
    settings,
    health,
    connections,
    integrations,
    mapping,
    polling,
    tickets,
    users,
)


def register_web(app: Flask) -> None:
    """Register every area's blueprint and what all pages share."""
    init_addresses(app)
    init_viewer(app)
    init_access(app)
    init_headers(app)
    init_static_files(app)
    init_filters(app)
    init_navigation(app)
    init_page_context(app)
    init_errors(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
