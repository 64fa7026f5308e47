"""Notifications: who is told what, and how it went."""

from webapp.web.notices import (  # noqa: F401 - each registers its routes
    mute_routes,
    offer_routes,
    outbox_routes,
    policy_routes,
    settings_routes,
    target_action_routes,
    target_routes,
)
from webapp.web.notices.bell_routes import bell
from webapp.web.notices.blueprint import notices

BLUEPRINTS = (bell, notices)
