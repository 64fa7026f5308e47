"""The mapping table: which client each Huntress organization is."""

from flask import Blueprint

mapping = Blueprint("mapping", __name__)
