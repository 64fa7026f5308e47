"""The blueprint of the mapping table; its routes are in the modules beside this one."""

from flask import Blueprint

PREFIX = "/integrations/huntress/<int:connection_id>/organizations"

mapping = Blueprint("mapping", __name__, url_prefix=PREFIX)
