"""Importing assets from a CSV file: rows are added or changed, never deleted.

An asset is matched by client and hostname. If several assets of a client have the hostname, the
serial number decides. An empty cell leaves the stored value as it is.
"""

from collections import defaultdict
from collections.abc import Mapping
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
from webapp.models import Asset, Client
from webapp.services.csv_imports import Cells, ImportKind, NumberedCells
from webapp.services.desk.edit_assets import AssetValues, asset_key, read_asset_values
from webapp.services.desk.edit_rows import apply_edit, record_added
from webapp.services.desk.link_assets import hostname_key
from webapp.services.errors import FieldError

LABELS = {"serial_number": "Serial number", "type": "Type", "asset_tag": "Asset tag"}
FIELDS = (
    ImportField(
        "client",
        "Client",
        ("client name", "company", "customer", "organization"),
        is_required=True,
        hint="The name of a client that exists; upper or lower case does not matter.",
    ),
    ImportField(
        "name",
        "Hostname",
        ("name", "host", "host name", "computer", "computer name", "device", "device name"),
        is_required=True,
        hint="Rows are matched to assets by client and hostname.",
    ),
    ImportField(
        "serial_number",
        "Serial number",
        ("serial", "serialnumber", "serial no", "s/n", "sn"),
        hint="Decides where several assets of a client have the same hostname.",
    ),
    ImportField("type", "Type", ("asset type", "device type", "kind", "category")),
    ImportField("asset_tag", "Asset tag", ("tag", "inventory number", "asset number")),
    ImportField(
        "is_active",
        "Active",
        ("is active", "enabled", "status", "state"),
        hint="Yes or no (true or false, 1 or 0, active or inactive).",
    ),
)


def plan_assets(session: Session, rows: NumberedCells) -> ImportPlan:
    """Plan what the rows would do to the stored assets."""
    return ImportPlan(_Planner(session).plan(rows))


class _Planner:
    def __init__(self, session: Session) -> None:
        fresh = {"populate_existing": True}
        self._clients: defaultdict[str, list[Client]] = defaultdict(list)
        for owner in session.scalars(select(Client).execution_options(**fresh)):
            self._clients[owner.name.casefold()].append(owner)
        self._assets: defaultdict[tuple[int, str], list[Asset]] = defaultdict(list)
        query = select(Asset).order_by(Asset.id).execution_options(**fresh)
        for row in session.scalars(query):
            self._assets[row.client_id, row.hostname_key].append(row)
        self._lines: dict[tuple[int, tuple[str, str]], int] = {}
        self._used: dict[int, int] = {}

    def plan(self, rows: NumberedCells) -> list[PlannedRow]:
        return [self._plan_row(number, cells) for number, cells in rows]

    def _plan_row(self, number: int, cells: Cells) -> PlannedRow:
        title = f"{cells['name']} ({cells['client']})"
        try:
            owner = self._find_client(cells["client"])
            values = read_asset_values(
                owner.id,
                cells["name"],
                cells.get("serial_number"),
                cells.get("type"),
                cells.get("asset_tag"),
            )
            is_active = read_flag(cells.get("is_active", ""))
            current = self._find(values, number)
            if current is None and not owner.is_active:
                raise FieldError({"client": f"{owner.name} is inactive; activate it first."})
        except (FieldError, ValueError) as error:
            return PlannedRow(number, Outcome.WRONG, title, (str(error),))
        title = f"{values.name} ({owner.name})"
        given: dict[str, Any] = {name: getattr(values, name) for name in LABELS}
        given["is_active"] = is_active
        given = {name: value for name, value in given.items() if value is not None}
        if current is None:
            added = {"client_id": owner.id, "name": values.name, **given}
            return PlannedRow(number, Outcome.ADDED, title, describe_added(given, LABELS), added)
        return _plan_change(number, title, current, given)

    def _find_client(self, name: str) -> Client:
        """The client with this name. Raises FieldError if there is none or several."""
        if not name:
            raise FieldError({"client": "The client is missing."})
        found = self._clients.get(name.casefold(), [])
        exact = [row for row in found if row.name == name] or found
        if len(exact) != 1:
            problem = "Several clients are" if exact else "No client is"
            raise FieldError({"client": f"{problem} named {name[:80]}."})
        return exact[0]

    def _find(self, values: AssetValues, number: int) -> Asset | None:
        """The asset that a row is about, or None. Raises FieldError if that is in doubt."""
        key = (values.client_id, values.key)
        if key in self._lines:
            raise FieldError({"name": f"Line {self._lines[key]} is about the same asset."})
        self._lines[key] = number
        found = self._choose(values)
        if found is not None:
            if found.id in self._used:
                raise FieldError({"name": f"Line {self._used[found.id]} is about the same asset."})
            self._used[found.id] = number
        return found

    def _choose(self, values: AssetValues) -> Asset | None:
        same_name = self._assets.get((values.client_id, hostname_key(values.name)), [])
        if values.serial_number is None:
            if len(same_name) > 1:
                raise FieldError(
                    {"serial_number": "Several assets have this hostname; add the serial number."}
                )
            return same_name[0] if same_name else None
        same = [row for row in same_name if asset_key(row.name, row.serial_number) == values.key]
        without = [row for row in same_name if not row.serial_number]
        return next(iter(same or without), None)


def _plan_change(number: int, title: str, current: Asset, given: Mapping[str, Any]) -> PlannedRow:
    changes = {name: new for name, new in given.items() if _differs(current, name, new)}
    outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
    details = tuple(_describe(current, name, new) for name, new in changes.items())
    return PlannedRow(number, outcome, title, details, changes, current.id)


def _differs(current: Asset, name: str, new: Any) -> bool:
    """Whether a value differs; serial numbers are compared regardless of case."""
    old = getattr(current, name)
    if name == "serial_number" and old:
        return asset_key(current.name, old) != asset_key(current.name, new)
    return bool(old != new)


def write_assets(session: Session, plan: ImportPlan, actor_id: int | None) -> None:
    """Write the additions and changes of a plan without errors; record each in the audit log."""
    planned = plan.of(Outcome.ADDED)
    rows = [Asset(**one.values, hostname_key=hostname_key(one.values["name"])) for one in planned]
    session.add_all(rows)
    session.flush()
    for row, one in zip(rows, planned, strict=True):
        record_added(session, row, one.values, actor_id)
    for one in plan.of(Outcome.CHANGED):
        changed = session.get_one(Asset, one.row_id)
        apply_edit(session, changed, one.values, seen=None, actor_id=actor_id)


def _describe(current: Asset, name: str, new: Any) -> str:
    if name == "is_active":
        return "Becomes active" if new else "Becomes inactive"
    return describe_change(LABELS[name], getattr(current, name), new)


ASSET_IMPORT = ImportKind("assets", FIELDS, (Client, Asset), plan_assets, write_assets)
