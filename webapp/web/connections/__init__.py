"""Integrations, and the page of one connection: account, routing, preview."""

from webapp.web.connections.connection_routes import connections
from webapp.web.connections.integration_routes import integrations

BLUEPRINTS = (connections, integrations)
