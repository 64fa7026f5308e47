"""The blueprint of tickets and incidents; its routes are in the modules beside it."""

from flask import Blueprint

tickets = Blueprint("tickets", __name__)
