"""The audit log: who changed what, and when."""

from flask import Blueprint

audit = Blueprint("audit", __name__)
