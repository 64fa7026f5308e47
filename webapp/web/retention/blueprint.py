"""The blueprint of retention; its routes are in the modules beside it."""

from flask import Blueprint

retention = Blueprint("retention", __name__)
