"""The Huntress page of a connection: connect, status, routing, preview, start."""

from flask import Blueprint

huntress = Blueprint("huntress", __name__)
