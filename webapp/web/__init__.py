"""The pages: one folder for each area, with its routes and forms.

Routes are decorated functions in modules named `…_routes`. A blueprint is made in the module of its
routes, or in `blueprint.py` if several modules share it. The area's `BLUEPRINTS` lists them all.
"""

from flask import Flask

from webapp.web import (
    clients,
    connections,
    mapping,
    notices,
    on_call,
    operations,
    people,
    polling,
    recovery,
    retention,
    settings,
    tickets,
)
from webapp.web.access import init_access
from webapp.web.addresses import init_addresses
from webapp.web.errors import init_errors
from webapp.web.filters import init_filters
from webapp.web.gates import init_gates
from webapp.web.headers import init_headers
from webapp.web.navigation import init_navigation
from webapp.web.page_context import init_page_context
from webapp.web.people.passkey_place import init_passkey_place
from webapp.web.read_only_pages import init_read_only_pages
from webapp.web.request_ids import init_request_log
from webapp.web.request_sizes import init_content_types
from webapp.web.same_session import init_same_session
from webapp.web.static_files import init_static_files
from webapp.web.tickets.live_answers import init_live
from webapp.web.viewer import init_viewer

AREAS = (
    clients,
    connections,
    mapping,
    notices,
    on_call,
    operations,
    people,
    polling,
    recovery,
    retention,
    settings,
    tickets,
)


def register_web(app: Flask) -> None:
    """Register every area's blueprints and what all pages share."""
    init_addresses(app)
    init_live(app)
    init_viewer(app)
    init_same_session(app)
    init_content_types(app)
    init_access(app)
    init_gates(app, people.GATES)
    init_headers(app)
    init_static_files(app)
    init_filters(app)
    init_navigation(app)
    init_page_context(app)
    init_passkey_place(app)
    init_read_only_pages(app)
    init_errors(app)
    init_request_log(app)
    for area in AREAS:
        for blueprint in area.BLUEPRINTS:
            app.register_blueprint(blueprint)
