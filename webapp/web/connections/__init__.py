"""The integrations, and the page of one connection with its account, routing and preview."""

from webapp.web.connections.connection_routes import connections
from webapp.web.connections.integration_routes import integrations
from webapp.web.connections.proof_routes import proofs

BLUEPRINTS = (connections, integrations, proofs)
