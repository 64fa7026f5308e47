"""Poll history, progress, quarantine and last exchanges of a connection."""

from webapp.web.polling.polling_routes import polling

BLUEPRINTS = (polling,)
