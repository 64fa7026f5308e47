"""The blueprint of on-call duty; its routes are in the modules beside it."""

from flask import Blueprint

on_call = Blueprint("on_call", __name__, url_prefix="/on-call")
