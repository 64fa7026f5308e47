"""The pages of one connection, as tabs."""

from dataclasses import dataclass

from flask import current_app


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a connection; its endpoint takes `connection_id`."""

    label: str
    endpoint: str


TABS = (
    Tab("Overview", "huntress.show"),
    Tab("Organizations", "mapping.show"),
    Tab("Polls", "polling.show_runs"),
    Tab("Quarantine", "polling.show_quarantine"),
    Tab("API calls", "polling.show_exchanges"),
)


def connection_tabs() -> list[Tab]:
    """The pages that exist."""
    return [tab for tab in TABS if has_page(tab.endpoint)]


def has_page(endpoint: str) -> bool:
    """Whether a page of this endpoint exists."""
    return endpoint in current_app.view_functions
