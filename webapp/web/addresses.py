"""Rules for the values in addresses, and parsing addresses that browsers send."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from flask import Flask
from werkzeug.routing import IntegerConverter, Map

from webapp.services.lookups import LARGEST_ID


class IdConverter(IntegerConverter):
    """`<int:…>` in a route: only a number that fits an id column matches."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **{"max": LARGEST_ID, **options})


def init_addresses(app: Flask) -> None:
    """Install the converter; call it before the blueprints are registered."""
    app.url_map.converters["int"] = IdConverter


def split_address(text: str) -> SplitResult:
    """The parts of an address that a browser sent; all empty if it cannot be parsed.

    Never raises.
    """
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def with_values(path: str, values: Mapping[str, str]) -> str:
    """A path of this site with these values in its query, in place of those of the same names."""
    parts = split_address(path)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in values]
    return parts._replace(query=urlencode([*kept, *values.items()])).geturl()
