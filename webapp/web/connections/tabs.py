"""The pages of one connection, shown as tabs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a connection; its endpoint takes `connection_id`."""

    label: str
    endpoint: str


TABS = (
    Tab("Overview", "connections.show"),
    Tab("Organizations", "mapping.show"),
    Tab("Polls", "polling.show_runs"),
    Tab("Quarantine", "polling.show_quarantine"),
    Tab("API calls", "polling.show_exchanges"),
)


def connection_tabs() -> tuple[Tab, ...]:
    """The tabs, in the order in which they are shown."""
    return TABS
