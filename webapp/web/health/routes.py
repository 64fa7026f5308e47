"""Health: whether everything that has to run does."""

from flask import Blueprint

health = Blueprint("health", __name__)
