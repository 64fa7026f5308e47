"""The Huntress page of a connection: connect, status, routing, preview, start."""

from flask import Blueprint

from webapp.web.huntress.tabs import connection_tabs

huntress = Blueprint("huntress", __name__)
huntress.add_app_template_global(connection_tabs)
