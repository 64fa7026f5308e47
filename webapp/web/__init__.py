"""The pages: one folder an area, each with its routes and forms."""

from flask import Flask

from webapp.web.access import init_access
from webapp.web.account.routes import account
from webapp.web.addresses import init_addresses
from webapp.web.assets.routes import assets
from webapp.web.audit.routes import audit
from webapp.web.clients.routes import clients
from webapp.web.dashboard.routes import dashboard
from webapp.web.desk.routes import desk
from webapp.web.errors import init_errors
from webapp.web.filters import init_filters
from webapp.web.headers import init_headers
from webapp.web.health.routes import health
from webapp.web.huntress.routes import huntress
from webapp.web.integrations.routes import integrations
from webapp.web.mapping.routes import mapping
from webapp.web.navigation import init_navigation
from webapp.web.page_context import init_page_context
from webapp.web.polling.routes import polling
from webapp.web.static_files import init_static_files
from webapp.web.tickets.routes import tickets
from webapp.web.users.routes import users
from webapp.web.viewer import init_viewer

BLUEPRINTS = (
    account,
    assets,
    audit,
    clients,
    dashboard,
    desk,
    health,
    huntress,
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
