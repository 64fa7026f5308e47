"""A connection's poll history, progress, quarantine and last calls to Huntress."""

from webapp.web.polling.polling_routes import polling

BLUEPRINTS = (polling,)
