"""What may stand in an address."""

from typing import Any
from urllib.parse import SplitResult, urlsplit

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from webapp.services.lookups import LARGEST_ID


class IdConverter(IntegerConverter):
    """`<int:…>`: a number that fits a column of ids; a greater one is an address of nothing."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **{"max": LARGEST_ID, **options})


def init_addresses(app: Flask) -> None:
    """Must come before the blueprints are registered."""
    app.url_map.converters["int"] = IdConverter


def split_address(text: str) -> SplitResult:
    """The parts of an address that a browser sent; empty if it cannot be parsed. Never raises."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")
