"""The mapping table of a connection, its imports and bulk actions."""

from webapp.web.mapping import (  # noqa: F401 - each registers its routes
    bulk_routes,
    client_routes,
    csv_routes,
    table_routes,
)
from webapp.web.mapping.blueprint import mapping

BLUEPRINTS = (mapping,)
