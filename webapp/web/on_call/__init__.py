"""Who is on call: the rotation, its overrides, and the calendar of the shifts."""

from webapp.web.on_call import (  # noqa: F401 - each registers its routes
    calendar_routes,
    override_routes,
    rotation_routes,
)
from webapp.web.on_call.blueprint import on_call

BLUEPRINTS = (on_call,)
