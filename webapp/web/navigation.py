"""The main navigation; a page is added here only once it exists."""

from dataclasses import dataclass

from flask import Flask, request

from webapp.domain.integrations import HUNTRESS
from webapp.services.edition import has_integration
from webapp.web.viewer import Anonymous, Viewer


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation; `areas` are the blueprints or endpoints that it stands for.

    `provider` is the integration without which the page refuses.
    """

    label: str
    endpoint: str
    icon: str
    areas: tuple[str, ...]
    is_admin_only: bool = False
    provider: str | None = None

    def is_open_to(self, viewer: Viewer | Anonymous) -> bool:
        """Whether the viewer may open it, and this edition has the integration that it is for."""
        is_there = self.provider is None or has_integration(self.provider)
        return is_there and (viewer.sees_all or not self.is_admin_only)


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a heading, or without one (None)."""

    heading: str | None
    entries: tuple[Entry, ...]


NAVIGATION = (
    Section(
        None,
        (
            Entry(
                "Dashboard", "dashboard.show", "layout-dashboard", ("dashboard", "response_times")
            ),
            Entry("Tickets", "tickets.show_list", "ticket", ("tickets",)),
            Entry(
                "Incidents",
                "tickets.show_incidents",
                "inbox",
                ("tickets.show_incidents",),
                provider=HUNTRESS,
            ),
            Entry("On call", "on_call.show", "phone", ("on_call",)),
        ),
    ),
    Section(
        "Huntress",
        (
            Entry(
                "Integrations",
                "integrations.show",
                "plug-connected",
                ("integrations", "connections", "mapping", "polling"),
                is_admin_only=True,
            ),
        ),
    ),
    Section(
        "Desk",
        (
            Entry("Clients", "clients.show_list", "building", ("clients",), is_admin_only=True),
            Entry("Assets", "assets.show_list", "device-desktop", ("assets",), is_admin_only=True),
            Entry("Desk settings", "settings.show", "settings", ("settings",), is_admin_only=True),
        ),
    ),
    Section(
        "Administration",
        (
            Entry(
                "Notifications", "notices.show_policies", "bell", ("notices",), is_admin_only=True
            ),
            Entry(
                "Users", "users.show_list", "users", ("users", "factor_reset"), is_admin_only=True
            ),
            Entry("Audit log", "audit.show_list", "history", ("audit",), is_admin_only=True),
            Entry("Backups", "backups.show", "archive", ("backups",), is_admin_only=True),
            Entry("Health", "health.show", "heartbeat", ("health",), is_admin_only=True),
            Entry(
                "Drills",
                "drills.show",
                "urgent",
                ("drills",),
                is_admin_only=True,
                provider=HUNTRESS,
            ),
        ),
    ),
)


def init_navigation(app: Flask) -> None:
    """Give templates `navigation_for` and `is_current_area`."""
    app.add_template_global(navigation_for)
    app.add_template_global(is_current_area)


def navigation_for(viewer: Viewer | Anonymous) -> list[Section]:
    """The sections with the entries that the viewer may open; empty sections are left out."""
    shown = (
        Section(
            section.heading,
            tuple(entry for entry in section.entries if entry.is_open_to(viewer)),
        )
        for section in NAVIGATION
    )
    return [section for section in shown if section.entries]


def is_current_area(entry: Entry) -> bool:
    """Whether the present page belongs to the entry, by its endpoint or else by its blueprint."""
    if any(request.endpoint in other.areas for section in NAVIGATION for other in section.entries):
        return request.endpoint in entry.areas
    return request.blueprint in entry.areas
