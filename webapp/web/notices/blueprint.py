"""The blueprint of notifications; its routes are in the modules beside it."""

from flask import Blueprint

notices = Blueprint("notices", __name__, url_prefix="/notifications")
