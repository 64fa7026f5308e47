"""Importing clients from a CSV file: rows are matched by name, added or changed, never deleted.

An empty cell leaves the stored value as it is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.csv_import import (
    ImportField,
    ImportPlan,
    Outcome,
    PlannedRow,
    describe_added,
    describe_change,
    read_flag,
)
from webapp.models import Client, Connection
from webapp.services.csv_imports import Cells, ImportKind, NumberedCells
from webapp.services.desk.edit_clients import read_client_values
from webapp.services.desk.edit_rows import apply_edit, record_added
from webapp.services.errors import FieldError

LABELS = {"external_reference": "External reference"}
FIELDS = (
    ImportField(
        "name",
        "Name",
        ("client", "client name", "company", "company name", "customer", "organization"),
        is_required=True,
        hint="Rows are matched to clients by name; upper or lower case does not matter.",
    ),
    ImportField("notes", "Notes", ("note", "comment", "comments", "description", "remarks")),
    ImportField(
        "external_reference",
        "External reference",
        ("reference", "external id", "id", "psa id", "account number", "customer number"),
        hint="The client's number in your PSA, for example.",
    ),
    ImportField(
        "is_active",
        "Active",
        ("is active", "enabled", "status", "state"),
        hint="Yes or no (true or false, 1 or 0, active or inactive).",
    ),
)


def plan_clients(session: Session, rows: NumberedCells) -> ImportPlan:
    """Plan what the rows would do to the stored clients."""
    return ImportPlan(_Planner(session).plan(rows))


class _Planner:
    def __init__(self, session: Session) -> None:
        query = select(Client).order_by(Client.id).execution_options(populate_existing=True)
        self._by_name: defaultdict[str, list[Client]] = defaultdict(list)
        for row in session.scalars(query):
            self._by_name[row.name.casefold()].append(row)
        self._routing: dict[int | None, str] = {
            client_id: name
            for name, client_id in session.execute(
                select(Connection.name, Connection.fallback_client_id)
            )
        }
        self._lines: dict[str, int] = {}

    def plan(self, rows: NumberedCells) -> list[PlannedRow]:
        return [self._plan_row(number, cells) for number, cells in rows]

    def _plan_row(self, number: int, cells: Cells) -> PlannedRow:
        title = cells["name"]
        try:
            values = read_client_values(
                cells["name"], cells.get("notes"), cells.get("external_reference")
            )
            is_active = read_flag(cells.get("is_active", ""))
            current = self._find(values.name, number)
        except (FieldError, ValueError) as error:
            return PlannedRow(number, Outcome.WRONG, title, (str(error),))
        given: dict[str, Any] = {
            "notes": values.notes or None,
            "external_reference": values.external_reference,
            "is_active": is_active,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if current is None:
            added = {"name": values.name, **given}
            details = describe_added(added, LABELS) + (("With notes",) if values.notes else ())
            return PlannedRow(number, Outcome.ADDED, values.name, details, added)
        return self._plan_change(number, current, given)

    def _plan_change(self, number: int, current: Client, given: Mapping[str, Any]) -> PlannedRow:
        changes = {name: new for name, new in given.items() if getattr(current, name) != new}
        if changes.get("is_active") is False and current.id in self._routing:
            routed = f"It cannot be made inactive: the routing of {self._routing[current.id]}"
            return PlannedRow(number, Outcome.WRONG, current.name, (f"{routed} uses it.",))
        outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        details = tuple(_describe(current, name, new) for name, new in changes.items())
        return PlannedRow(number, outcome, current.name, details, changes, current.id)

    def _find(self, name: str, number: int) -> Client | None:
        """The client with this name, or None.

        Raises FieldError if the file has the name twice or several clients have it.
        """
        key = name.casefold()
        if key in self._lines:
            raise FieldError({"name": f"Line {self._lines[key]} has the same name."})
        self._lines[key] = number
        found = self._by_name.get(key, [])
        exact = [row for row in found if row.name == name]
        if not exact and len(found) > 1:
            names = ", ".join(row.name for row in found)
            raise FieldError({"name": f"Several clients have this name: {names}."})
        return next(iter(exact or found), None)


def write_clients(session: Session, plan: ImportPlan, actor_id: int | None) -> None:
    """Write the additions and changes of a plan without errors; record each in the audit log."""
    _write_added(session, plan.of(Outcome.ADDED), actor_id)
    for planned in plan.of(Outcome.CHANGED):
        row = session.get_one(Client, planned.row_id)
        apply_edit(session, row, planned.values, seen=None, actor_id=actor_id)


def _write_added(session: Session, planned: Sequence[PlannedRow], actor_id: int | None) -> None:
    rows = [Client(**one.values) for one in planned]
    session.add_all(rows)
    session.flush()
    for row, one in zip(rows, planned, strict=True):
        record_added(session, row, one.values, actor_id)


def _describe(current: Client, name: str, new: Any) -> str:
    if name == "is_active":
        return "Becomes active" if new else "Becomes inactive"
    if name == "notes":
        return "Notes replaced" if current.notes else "Notes added"
    return describe_change("External reference", current.external_reference, new)


CLIENT_IMPORT = ImportKind("clients", FIELDS, (Client,), plan_clients, write_clients)
