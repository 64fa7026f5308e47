"""Users: who may sign in, and as what."""

from flask import Blueprint

users = Blueprint("users", __name__)
