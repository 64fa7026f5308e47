"""The runbooks that come with the product, as files of the package."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from webapp.domain.runbooks.shipped_text import ShippedRunbook, parse_shipped_runbook
from webapp.services.tickets.runbooks.check_runbook import RunbookValues

FOLDER = "shipped/runbooks"


@cache
def read_shipped() -> Mapping[str, ShippedRunbook]:
    """All of them by their key, in the order in which they are tried."""
    folder = files("webapp").joinpath(FOLDER)
    found = [
        parse_shipped_runbook(file.name.removesuffix(".md"), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".md")
    ]
    return {one.key: one for one in sorted(found, key=lambda one: (one.position, one.key))}


def shipped_values(shipped: ShippedRunbook) -> RunbookValues:
    """What a person would enter for it."""
    return RunbookValues(
        name=shipped.name,
        kinds=shipped.kinds,
        severities=shipped.severities,
        platforms=shipped.platforms,
        body=shipped.body,
    )
