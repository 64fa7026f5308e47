"""Assets: the machines of clients."""

from flask import Blueprint

assets = Blueprint("assets", __name__)
