"""Integrations: what Triagedesk can be connected to, by category."""

from flask import Blueprint

integrations = Blueprint("integrations", __name__)
