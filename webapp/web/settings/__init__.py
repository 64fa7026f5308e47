"""The desk's settings: boards, categories, priorities, statuses, numbers, configuration."""

from webapp.web.settings import (  # noqa: F401 - each registers its routes
    board_routes,
    category_routes,
    configuration_routes,
    numbering_routes,
    priority_routes,
    response_time_routes,
    status_routes,
)
from webapp.web.settings.blueprint import settings

BLUEPRINTS = (settings,)
