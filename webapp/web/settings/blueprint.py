"""The blueprint of the desk's settings; its routes are in the modules beside it."""

from flask import Blueprint

settings = Blueprint("settings", __name__, url_prefix="/desk")
