"""Importing clients and ticket switches of organizations from a CSV file.

Rows are matched to organizations by id; no organization is added. An empty client means that the
organization has none. An empty ticket switch leaves the stored one as it is. A client that does not
exist is created if the person who imports wants that; otherwise its rows are wrong.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.domain.csv_import import (
    ImportField,
    ImportPlan,
    Outcome,
    PlannedRow,
    describe_change,
    read_flag,
)
from webapp.domain.untrusted import parse_id
from webapp.models import Client, OrganizationMapping
from webapp.services.csv_imports import Cells, ImportKind, NumberedCells
from webapp.services.desk.client_names import ClientNames
from webapp.services.mapping.create_clients import client_key, insert_clients, new_name_problem
from webapp.services.mapping.list_mappings import find_connection
from webapp.services.mapping.map_organizations import MappingChange, apply_changes
from webapp.services.mapping.match_clients import match_waiting
from webapp.services.mapping.suggest_clients import SimilarClients

NEW_CLIENT = "new_client"
FIELDS = (
    ImportField(
        "organization_id",
        "Organization id",
        ("id",),
        is_required=True,
        hint="Rows are matched to organizations by id; the name beside it is not read.",
    ),
    ImportField(
        "client",
        "Client",
        ("client name",),
        hint="The name of an active client; upper or lower case does not matter. Empty means none.",
    ),
    ImportField(
        "create_tickets",
        "Create tickets",
        ("tickets",),
        hint="Yes or no (true or false, 1 or 0, on or off). The file needs this or the client.",
    ),
)


def mapping_import(connection_id: int, *, creates_clients: bool = False) -> ImportKind:
    """Return the kind of import whose rows are organizations of a connection.

    With `creates_clients` it creates the clients that rows name and that do not exist. Raises
    NotFoundError, EditionError.
    """
    find_connection(connection_id)
    return ImportKind(
        "mapping",
        FIELDS,
        (Client,),
        partial(plan_mappings, connection_id, creates_clients=creates_clients),
        partial(write_mappings, connection_id),
        one_of=("client", "create_tickets"),
        connection_id=connection_id,
        adds=False,
    )


def plan_mappings(
    connection_id: int, session: Session, rows: NumberedCells, *, creates_clients: bool = False
) -> ImportPlan:
    """Return what the rows would do to the organizations of a connection."""
    planner = _Planner(session, connection_id, creates_clients)
    planned = [planner.plan_row(number, cells) for number, cells in rows]
    return ImportPlan(planned, planner.missing(), creates_clients)


def write_mappings(
    connection_id: int, session: Session, plan: ImportPlan, actor_id: int | None
) -> None:
    """Make the changes of a plan without errors.

    Raises StaleMappingError where a row's version is not the planned one, FieldError,
    NotFoundError.
    """
    rows = plan.of(Outcome.CHANGED)
    wanted = [row.values[NEW_CLIENT] for row in rows if NEW_CLIENT in row.values]
    new = insert_clients(session, wanted, actor_id)
    changes = []
    for row in rows:
        values = dict(row.values)
        if name := values.pop(NEW_CLIENT, None):
            values["client_id"] = new[name]
        changes.append(MappingChange(**values))
    apply_changes(session, connection_id, changes, actor_id=actor_id)
    if new:
        match_waiting(session, actor_id)  # of the same name, on any connection


class FieldChange(NamedTuple):
    """A field of `MappingChange`, its value, and what that changes in words.

    With the name NEW_CLIENT, the value is the name of a client that does not exist yet.
    """

    name: str
    value: int | bool | str | None
    words: str


class _Planner:
    def __init__(self, session: Session, connection_id: int, creates: bool) -> None:
        self._names = ClientNames(session)
        self._creates = creates
        self._missing: dict[str, str] = {}
        self._organizations = _organizations(session, connection_id)
        self._lines: dict[str, int] = {}

    def plan_row(self, number: int, cells: Cells) -> PlannedRow:
        typed = cells["organization_id"]
        current = self._organizations.get(parse_id(typed) or "")
        if current is None:
            unknown = "There is no organization with this id; sync organizations first."
            problem = unknown if typed else "The organization id is missing."
            return PlannedRow(number, Outcome.WRONG, typed[:64], (problem,))
        title = f"{current.name} ({current.external_id})"
        first = self._lines.setdefault(current.external_id, number)
        if first != number:
            problem = f"This organization is in line {first} already."
            return PlannedRow(number, Outcome.WRONG, title, (problem,))
        changes: list[FieldChange] = []
        problems = []
        for read in (self._read_client, _read_tickets):
            try:
                changes += read(current, cells)
            except ValueError as error:
                problems.append(str(error))
        if problems:
            return PlannedRow(number, Outcome.WRONG, title, (" ".join(problems),))
        if not changes:
            return PlannedRow(number, Outcome.UNCHANGED, title)
        values: dict[str, Any] = {"external_id": current.external_id, "version": current.version}
        values |= {change.name: change.value for change in changes}
        details = tuple(change.words for change in changes)
        return PlannedRow(number, Outcome.CHANGED, title, details, values, current.id)

    def _read_client(self, current: OrganizationMapping, cells: Cells) -> list[FieldChange]:
        """Return the change of the client; empty where it stays.

        Raises ValueError with a sentence.
        """
        before = current.client.name if current.client else ""
        typed = cells.get("client", before)
        if typed == before:
            return []
        if typed and self._names.find(typed) is None and self._note_missing(typed):
            name = self._missing[client_key(typed)]
            words = describe_change("Client", before or "none", f"{name} (new)")
            return [FieldChange(NEW_CLIENT, name, words)]
        if typed and (problem := self._names.problem(typed)):
            raise ValueError(problem)
        found = self._names.find(typed)
        wanted = found.id if found else None
        if wanted == current.client_id:
            return []
        after = found.name if found else "none"
        return [
            FieldChange("client_id", wanted, describe_change("Client", before or "none", after))
        ]

    def _note_missing(self, typed: str) -> bool:
        """Remember a client that does not exist; True if the import is to create it.

        Raises ValueError with a sentence where no client can have this name.
        """
        if problem := new_name_problem(self._names, typed):
            raise ValueError(problem)
        self._missing.setdefault(client_key(typed), typed)
        return self._creates

    def missing(self) -> dict[str, list[str]]:
        """The clients that do not exist by name, each with the names of similar clients."""
        clients = [client.name for client in self._names.clients if client.is_active]
        similar = SimilarClients(clients)
        return {name: similar.suggest(name) for name in sorted(self._missing.values())}


def _read_tickets(current: OrganizationMapping, cells: Cells) -> list[FieldChange]:
    """Return the change of the ticket switch; empty where it stays.

    Raises ValueError with a sentence.
    """
    wanted = read_flag(cells.get("create_tickets", ""))
    if wanted in (None, current.creates_tickets):
        return []
    before, after = ("no", "yes") if wanted else ("yes", "no")
    return [FieldChange("tickets", wanted, describe_change("Create tickets", before, after))]


def _organizations(session: Session, connection_id: int) -> Mapping[str, OrganizationMapping]:
    query = (
        select(OrganizationMapping)
        .where(OrganizationMapping.connection_id == connection_id)
        .options(joinedload(OrganizationMapping.client))
        .execution_options(populate_existing=True)
    )
    return {row.external_id: row for row in session.scalars(query)}
