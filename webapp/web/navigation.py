"""The main navigation. A page is added here when it exists, never before."""

from dataclasses import dataclass

from flask import Flask, request

from webapp.web.viewer import Anonymous, Viewer


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation; `area` is the blueprint whose pages it stands for."""

    label: str
    endpoint: str
    icon: str
    area: str
    is_admin_only: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a heading (None: no heading)."""

    heading: str | None
    entries: tuple[Entry, ...]


NAVIGATION = (
    Section(
        None,
        (
            Entry("Dashboard", "dashboard.show", "layout-dashboard", "dashboard"),
            Entry("Tickets", "tickets.show_list", "ticket", "tickets"),
        ),
    ),
)


def init_navigation(app: Flask) -> None:
    """Give templates `navigation_for` and `is_current_area`."""
    app.add_template_global(navigation_for)
    app.add_template_global(is_current_area)


def navigation_for(viewer: Viewer | Anonymous) -> list[Section]:
    """The sections with what the viewer may open; none where nothing is left of them."""
    shown = (
        Section(
            section.heading,
            tuple(entry for entry in section.entries if viewer.is_admin or not entry.is_admin_only),
        )
        for section in NAVIGATION
    )
    return [section for section in shown if section.entries]


def is_current_area(entry: Entry) -> bool:
    """Whether the page being shown belongs to the entry."""
    return request.blueprint == entry.area
