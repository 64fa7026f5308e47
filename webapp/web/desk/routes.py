"""Boards, categories, priorities, statuses and ticket numbers."""

from flask import Blueprint

desk = Blueprint("desk", __name__)
