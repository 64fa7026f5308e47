"""What polling did: its history, its quarantine, the last exchanges with Huntress."""

from flask import Blueprint

polling = Blueprint("polling", __name__)
