"""The blueprint of signing in and of one's own account."""

from flask import Blueprint

account = Blueprint("account", __name__)
