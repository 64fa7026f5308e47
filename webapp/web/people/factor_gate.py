"""Somebody who has to have a second factor, and whose grace is over, first sets one up."""

from flask import Flask, Response, current_app, make_response, redirect, request, url_for

from webapp.domain.security.factor_rule import FactorDemand
from webapp.web.access import PUBLIC, STATIC_ENDPOINT, access_of
from webapp.web.answers import SEE_OTHER, wants_part
from webapp.web.people.passkey_place import passkey_problem
from webapp.web.viewer import Viewer, current_viewer

SETUP_BLUEPRINT = "factors"
ALWAYS_OPEN = frozenset({"account.confirm", "account.see_notes", "account.switch_theme"})
"""What setting up a factor may lead to; public pages, signing out among them, are open as well."""


def init_factor_gate(app: Flask) -> None:
    """Lead every other page to the one where a factor is set up, and let pages ask for passkeys."""
    app.before_request(_lead_to_setup)
    app.add_template_global(passkey_problem)


def _lead_to_setup() -> Response | None:
    if _is_open(request.endpoint, request.blueprint):
        return None
    viewer = current_viewer()
    if not isinstance(viewer, Viewer) or viewer.factor_demand is not FactorDemand.NOW:
        return None
    page = url_for("factors.show")
    if wants_part():
        response = make_response("", 403)
        response.headers["HX-Redirect"] = page
        return response
    return make_response(redirect(page, SEE_OTHER))


def _is_open(endpoint: str | None, blueprint: str | None) -> bool:
    if endpoint is None or endpoint in ALWAYS_OPEN or blueprint == SETUP_BLUEPRINT:
        return True
    return endpoint == STATIC_ENDPOINT or access_of(current_app.view_functions[endpoint]) == PUBLIC
