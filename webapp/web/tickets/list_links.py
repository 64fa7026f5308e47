"""Addresses of the ticket list that keep what was chosen before."""

from collections.abc import Iterable
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from webapp.models import User
from webapp.services.list_tickets import NOBODY
from webapp.web.tickets.forms import ME

FILTERS = ("q", "board", "client", "priority", "assignee", "triage", "untouched")
KEPT = (*FILTERS, "state", "sort")
SORT_WORDS = {
    "priority": "Most urgent first",
    "newest": "Newest first",
    "oldest": "Oldest first",
    "updated": "Last changed first",
}


def assignee_pairs(users: Iterable[User], viewer_id: int) -> list[tuple[int | str, str]]:
    """The choices of the assignee filter; the viewer stands first, as "Me"."""
    others = [(user.id, user.name) for user in users if user.id != viewer_id]
    return [(ME, "Me"), (NOBODY, "Nobody"), *others]


class ListLinks:
    """Links from one view of the list to another."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = {name: values[name] for name in KEPT if values.get(name)}

    def to(self, **changes: str | None) -> str:
        """The same view with `changes`, from its first page; None removes a value."""
        values = {**self._values, **changes}
        kept: dict[str, Any] = {name: value for name, value in values.items() if value}
        return url_for("tickets.show_list", **kept)

    def without_filters(self) -> str:
        """The same tab and order, showing everything."""
        return self.to(**dict.fromkeys(FILTERS))
