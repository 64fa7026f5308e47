"""The desk's settings: boards, categories, priorities, statuses, numbers, runbooks …"""

from webapp.web.settings import (  # noqa: F401 - each registers its routes
    board_routes,
    canned_note_routes,
    category_routes,
    configuration_routes,
    numbering_routes,
    priority_routes,
    response_time_routes,
    runbook_routes,
    status_routes,
)
from webapp.web.settings.blueprint import settings

BLUEPRINTS = (settings,)
