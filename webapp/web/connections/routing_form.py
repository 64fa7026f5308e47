"""The routing form: its choices, what was chosen, and what somebody else saved meanwhile."""

import json
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, StringField
from wtforms.fields.choices import SelectChoice

from webapp.domain.routing import BACKFILL, POLL_INTERVAL, PRIORITY_COLUMNS, REQUIRED
from webapp.models import Category
from webapp.services.connections.read_connection_page import ConnectionPage
from webapp.services.connections.routing_settings import (
    NUMBER_FIELDS,
    ROUTING_FIELDS,
    SWITCH_FIELDS,
    Named,
    RoutingChoices,
)
from webapp.web.params import IdField, read_number

_LABELS = {one.column: one.label for one in REQUIRED}


class RoutingForm(FlaskForm):
    """The routing settings; each field has the name of the connection's attribute.

    The service checks the values.
    """

    board_id = IdField(_LABELS["board_id"])
    category_id = IdField("Category (optional)")
    subcategory_id = IdField("Subcategory (optional)")
    fallback_client_id = IdField(
        _LABELS["fallback_client_id"],
        description="Gets the tickets of organizations that are not mapped.",
    )
    fallback_board_id = IdField(_LABELS["fallback_board_id"])
    critical_priority_id = IdField(_LABELS["critical_priority_id"])
    high_priority_id = IdField(_LABELS["high_priority_id"])
    low_priority_id = IdField(_LABELS["low_priority_id"])
    poll_interval_minutes = StringField(
        "Poll interval (minutes)", description=f"{POLL_INTERVAL[0]} to {POLL_INTERVAL[1]}."
    )
    backfill_days = StringField(
        "Backfill (days)",
        description=f"How far back the first poll looks: {BACKFILL[0]} to {BACKFILL[1]}.",
    )
    auto_close_tickets = BooleanField("Close tickets when Huntress closes the incident")
    closed_status_id = IdField("Closed status")
    leave_touched_open = BooleanField("Leave tickets open that a person has worked on")
    reopen_tickets = BooleanField("Reopen tickets when the incident needs work again")

    def fill(self, choices: RoutingChoices, page: ConnectionPage) -> None:
        """Offer the choices; chosen rows that were deactivated since are offered and marked."""
        boards = _names(choices.boards, page.chosen.get("board_id"))
        tops = _names(choices.categories, page.chosen.get("category_id"))
        self._offer("board_id", choices.boards, page)
        self._offer("fallback_board_id", choices.boards, page)
        self._offer("fallback_client_id", choices.clients, page)
        for column in PRIORITY_COLUMNS.values():
            self._offer(column, choices.priorities, page)
        self._offer("closed_status_id", choices.closed_statuses, page)
        self._offer_grouped("category_id", choices.categories, page, boards)
        self._offer_grouped("subcategory_id", choices.subcategories, page, tops)
        for one in REQUIRED:
            if page.values[one.column] is None:
                self[one.column].description = "Required before anything is polled."

    def show(self, values: Mapping[str, object], choices: RoutingChoices) -> None:
        """Fill the form with settings; the only fallback client or closed status is chosen."""
        for name, value in values.items():
            self._set(name, value)
        if values["fallback_client_id"] is None and len(choices.clients) == 1:
            self._set("fallback_client_id", choices.clients[0].id)
        if values["closed_status_id"] is None:
            self._set("closed_status_id", only_closed_status(choices))

    def values(self) -> dict[str, object]:
        """What was chosen, by attribute; text that is not a number gives None."""
        return {name: self._read(name) for name in ROUTING_FIELDS}

    def show_conflict(self, seen: Mapping[str, object], stored: Mapping[str, object]) -> None:
        """Say at each field what somebody else saved since the form was loaded with `seen`.

        A field that the person did not change takes over the stored value. If both changed a field,
        the person's choice stays. Call fill() first, so that the present choices are known.
        """
        mine = self.values()
        for name in ROUTING_FIELDS:
            if stored[name] == seen[name]:
                continue
            theirs = self._words(name, stored[name])
            if mine[name] == seen[name]:
                self._set(name, stored[name])
                sentence = f"Changed meanwhile from {self._words(name, seen[name])} to {theirs}."
            else:
                sentence = f"Somebody else chose {theirs} meanwhile; you chose "
                sentence += f"{self._words(name, mine[name])}. Saving again keeps yours."
            self[name].errors = [sentence]

    def _offer(self, name: str, rows: Any, page: ConnectionPage) -> None:
        choices = [SelectChoice("", "Not chosen"), *(_choice(row) for row in rows)]
        self._set_choices(name, choices, page)

    def _offer_grouped(
        self, name: str, rows: list[Category], page: ConnectionPage, groups: Mapping[int, str]
    ) -> None:
        """Offer categories grouped by board, or subcategories grouped by category."""
        choices = [SelectChoice("", "None")]
        by_group = sorted(rows, key=lambda row: (groups.get(_above(row), ""), row.name))
        for row in by_group:
            if _above(row) in groups:
                choices.append(_choice(row, group=groups[_above(row)], above=_above(row)))
        self._set_choices(name, choices, page)

    def _set_choices(self, name: str, choices: list[SelectChoice], page: ConnectionPage) -> None:
        chosen = page.chosen.get(name)
        if chosen is not None and str(chosen.id) not in {choice.value for choice in choices}:
            above = _above(chosen) if isinstance(chosen, Category) else None
            choices.append(_choice(chosen, above=above, words=f"{chosen.name} (deactivated)"))
            self[name].description = f"{chosen.name} was deactivated; choose another."
        self[name].choices = choices

    def _read(self, name: str) -> object:
        if name in SWITCH_FIELDS:
            return bool(self[name].data)
        if name in NUMBER_FIELDS:
            return read_number((self[name].data or "").strip())
        return self[name].chosen

    def _set(self, name: str, value: object) -> None:
        field: Field = self[name]
        field.data = value if name in SWITCH_FIELDS else "" if value is None else str(value)

    def _words(self, name: str, value: object) -> str:
        """The words for a value as the form shows it."""
        if name in SWITCH_FIELDS:
            return "on" if value else "off"
        if name in NUMBER_FIELDS:
            return "no number" if value is None else str(value)
        if value is None:
            return "nothing"
        labels = {choice.value: choice.label for choice in self[name].choices}
        return f"“{labels[str(value)]}”" if str(value) in labels else "something that is gone"


def only_closed_status(choices: RoutingChoices) -> int | None:
    """The id of the closed status, if there is only one."""
    return choices.closed_statuses[0].id if len(choices.closed_statuses) == 1 else None


def write_loaded(values: Mapping[str, object]) -> str:
    """The settings that a form shows, as text for its hidden field."""
    return json.dumps(dict(values), sort_keys=True)


def read_loaded(text: str | None) -> dict[str, object] | None:
    """Read what `write_loaded` wrote; None if the text cannot come from it."""
    try:
        values = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or set(values) != set(ROUTING_FIELDS):
        return None
    is_plain = all(value is None or isinstance(value, int) for value in values.values())
    return values if is_plain else None


def _names(rows: Any, chosen: Named | None) -> dict[int, str]:
    """Names by id; the chosen row is included even if it was deactivated."""
    names = {row.id: row.name for row in rows}
    return names if chosen is None else {chosen.id: chosen.name, **names}


def _above(row: Any) -> int:
    """The id of a subcategory's category, or of a category's board."""
    return int(row.parent_id or row.board_id)


def _choice(
    row: Named, *, group: str | None = None, above: int | None = None, words: str | None = None
) -> SelectChoice:
    attributes = {} if above is None else {"data-above": str(above)}
    return SelectChoice(str(row.id), words or row.name, attributes, group)
