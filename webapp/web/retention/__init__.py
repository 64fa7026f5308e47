"""How long records are kept; clients and people who leave."""

from webapp.web.retention import (  # noqa: F401 - each registers its routes
    age_routes,
    client_routes,
    person_routes,
)
from webapp.web.retention.blueprint import retention

BLUEPRINTS = (retention,)
