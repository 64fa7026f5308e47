"""The blueprint of the tickets; its routes are in the modules beside it."""

from flask import Blueprint

tickets = Blueprint("tickets", __name__, url_prefix="/tickets")
