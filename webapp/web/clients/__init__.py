"""Clients and their assets."""

from webapp.web.clients.asset_routes import assets
from webapp.web.clients.client_routes import clients

BLUEPRINTS = (assets, clients)
