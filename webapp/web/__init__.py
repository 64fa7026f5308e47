"""The pages: one folder an area, each with its routes and forms."""

from flask import Flask


def register_web(app: Flask) -> None:
    """Register every area's blueprint and what all pages share."""
