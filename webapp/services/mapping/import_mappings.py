"""Importing clients and ticket switches of organizations from a CSV file, after a preview."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.domain.csv_text import CsvRow, CsvTable
from webapp.domain.untrusted import parse_id
from webapp.models import CsvUpload, OrganizationMapping
from webapp.services.audit import record_event
from webapp.services.desk.client_names import ClientNames
from webapp.services.desk.csv_uploads import delete_upload, load_upload, read_upload, store_upload
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError, FieldError, NotFoundError, RefusedError
from webapp.services.lookups import get_connection
from webapp.services.mapping.map_organizations import UNCHANGED, MappingChange, apply_changes
from webapp.services.transactions import reading, transaction

KIND: Final = "mappings"
ID_NAMES = ("organization id", "id")
CLIENT_NAMES = ("client", "client name")
TICKETS_NAMES = ("create tickets", "tickets")

_YES = frozenset({"yes", "y", "true", "1", "on"})
_NO = frozenset({"no", "n", "false", "0", "off"})


class StaleImportError(ConflictError):
    """The table changed since the preview; nothing was imported."""

    def __init__(self) -> None:
        super().__init__(
            "The table or the clients changed since this preview. Nothing was imported: "
            "check the new preview below, then import."
        )


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What a row of the file would do; with a `problem` nothing of the file is imported.

    `client` and `tickets` are None where they stay as they are; an empty client is "none".
    """

    number: int
    external_id: str
    name: str = ""
    client_before: str = ""
    tickets_before: bool = True
    client: str | None = None
    tickets: bool | None = None
    version: int = 0
    problem: str | None = None

    @property
    def is_change(self) -> bool:
        """Whether the row would change anything."""
        return self.problem is None and (self.client is not None or self.tickets is not None)


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do; `fingerprint` is that of exactly this."""

    upload: CsvUpload
    rows: Sequence[PlannedRow]
    notes: Sequence[str] = ()

    @property
    def problems(self) -> list[PlannedRow]:
        """The rows that cannot be imported."""
        return [row for row in self.rows if row.problem is not None]

    @property
    def changes(self) -> list[PlannedRow]:
        """The rows that would change something."""
        return [row for row in self.rows if row.is_change]

    @property
    def fingerprint(self) -> str:
        """Differs as soon as the import would do, or undo, anything else."""
        rows = [asdict(row) for row in self.rows if row.is_change or row.problem]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def upload_mappings(connection_id: int, filename: str, data: bytes, *, owner_id: int) -> CsvUpload:
    """Keep a file for its preview. Raises FieldError (`file`), NotFoundError, EditionError."""
    require_enterprise()
    with reading() as session:
        get_connection(session, connection_id)
    upload = store_upload(KIND, filename, data, owner_id, connection_id)
    try:
        plan_import(connection_id, upload.id, owner_id=owner_id)
    except FieldError:
        delete_upload(upload.id, KIND, owner_id)
        raise
    return upload


def plan_import(connection_id: int, upload_id: int, *, owner_id: int) -> ImportPlan:
    """What the import of an upload would do now.

    Raises NotFoundError, FieldError (`file`), EditionError.
    """
    require_enterprise()
    with reading() as session:
        return _plan(session, connection_id, upload_id, owner_id)


def import_mappings(connection_id: int, upload_id: int, *, fingerprint: str, actor_id: int) -> int:
    """Import all rows in one transaction and forget the upload; returns how many rows changed.

    Raises StaleImportError where it would not do exactly what the preview with `fingerprint`
    showed, RefusedError where rows have problems, NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        get_connection(session, connection_id, lock=True)
        plan = _plan(session, connection_id, upload_id, actor_id, lock=True)
        if plan.fingerprint != fingerprint:
            raise StaleImportError
        if plan.problems:
            raise RefusedError("Nothing was imported: correct the file and upload it again.")
        names = ClientNames(session)
        changes = [_as_change(names, row) for row in plan.changes]
        apply_changes(session, connection_id, changes, actor_id=actor_id)
        record_event(
            session,
            action="mapping.imported",
            subject_type="connection",
            subject_id=connection_id,
            after={"file": plan.upload.filename, "rows": len(changes)},
            actor_id=actor_id,
        )
        session.delete(plan.upload)
        return len(changes)


def _plan(
    session: Session, connection_id: int, upload_id: int, owner_id: int, *, lock: bool = False
) -> ImportPlan:
    upload = load_upload(session, upload_id, KIND, owner_id, lock=lock)
    if upload.connection_id != connection_id:
        raise NotFoundError("This upload belongs to another connection.")
    table = read_upload(upload)
    reader = _RowReader(session, connection_id, table)
    return ImportPlan(upload, [reader.read(row) for row in table.rows], table.notes)


class _RowReader:
    def __init__(self, session: Session, connection_id: int, table: CsvTable) -> None:
        id_column = table.column(*ID_NAMES)
        self.client_column = table.column(*CLIENT_NAMES)
        self.tickets_column = table.column(*TICKETS_NAMES)
        if id_column is None or (self.client_column is None and self.tickets_column is None):
            raise FieldError(
                {
                    "file": 'The file needs a column "organization id", and "client" or '
                    '"create tickets" beside it.'
                }
            )
        self.id_column = id_column
        self.names = ClientNames(session)
        self.organizations = _organizations(session, connection_id)
        self.lines: dict[str, int] = {}

    def read(self, row: CsvRow) -> PlannedRow:
        external_id = row.values[self.id_column]
        organization = self.organizations.get(parse_id(external_id) or "")
        planned = PlannedRow(row.number, external_id[:64])
        if organization is None:
            words = "There is no organization with this id; sync organizations first."
            return _with(
                planned, problem=words if external_id else "The organization id is missing."
            )
        planned = _with(
            planned,
            name=organization.name,
            client_before=organization.client.name if organization.client else "",
            tickets_before=organization.creates_tickets,
            version=organization.version,
        )
        first = self.lines.setdefault(organization.external_id, row.number)
        if first != row.number:
            return _with(planned, problem=f"This organization is in line {first} already.")
        return self._read_tickets(row, self._read_client(row, planned))

    def _read_client(self, row: CsvRow, planned: PlannedRow) -> PlannedRow:
        if self.client_column is None:
            return planned
        typed = row.values[self.client_column]
        if typed == planned.client_before:
            return planned
        problem = self.names.problem(typed) if typed else None
        found = self.names.find(typed) if typed else None
        name = found.name if found else ""
        if problem is None and name == planned.client_before:
            return planned
        return _with(planned, client=name, problem=problem)

    def _read_tickets(self, row: CsvRow, planned: PlannedRow) -> PlannedRow:
        if self.tickets_column is None or not (typed := row.values[self.tickets_column]):
            return planned
        word = typed.casefold()
        if word not in _YES | _NO:
            words = f'"{typed[:40]}" is neither yes nor no.'
            return _with(
                planned, problem=f"{planned.problem} {words}" if planned.problem else words
            )
        wanted = word in _YES
        return planned if wanted == planned.tickets_before else _with(planned, tickets=wanted)


def _with(row: PlannedRow, **values: object) -> PlannedRow:
    return PlannedRow(**{**asdict(row), **values})


def _organizations(session: Session, connection_id: int) -> Mapping[str, OrganizationMapping]:
    query = (
        select(OrganizationMapping)
        .where(OrganizationMapping.connection_id == connection_id)
        .options(joinedload(OrganizationMapping.client))
        .execution_options(populate_existing=True)
    )
    return {row.external_id: row for row in session.scalars(query)}


def _as_change(names: ClientNames, row: PlannedRow) -> MappingChange:
    if row.client is None:
        return MappingChange(row.external_id, UNCHANGED, row.tickets, row.version)
    client = names.find(row.client) if row.client else None
    return MappingChange(row.external_id, client.id if client else None, row.tickets, row.version)
