"""CSV imports of any kind: choose columns, preview, then apply exactly what was previewed.

This module knows no area. Each kind is defined in its own area: clients and assets in `desk`,
organizations in `mapping`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.csv_import import (
    ImportField,
    ImportPlan,
    Outcome,
    check_columns,
    guess_columns,
)
from webapp.domain.csv_text import CsvTable
from webapp.models import Asset, Client, Connection, CsvUpload
from webapp.services.audit import record_event
from webapp.services.csv_uploads import get_upload, load_upload, note_preview, read_upload
from webapp.services.errors import ConflictError, FieldError, RefusedError
from webapp.services.transactions import reading, transaction

Cells = Mapping[str, str]
NumberedCells = Sequence[tuple[int, Cells]]


@dataclass(frozen=True, slots=True)
class ImportKind:
    """A kind of import: how to plan it, and how to write a plan that has no errors.

    The rows of the tables in `locked` do not change between planning and writing. A file needs a
    column for at least one of the fields in `one_of`. With `connection_id` the rows belong to that
    connection. A kind without `adds` only changes rows.
    """

    name: str
    fields: Sequence[ImportField]
    locked: Sequence[type[Client] | type[Asset]]
    plan: Callable[[Session, NumberedCells], ImportPlan]
    write: Callable[[Session, ImportPlan, int | None], None]
    one_of: Sequence[str] = ()
    connection_id: int | None = None
    adds: bool = True

    def check(self, columns: Mapping[str, int], table: CsvTable) -> dict[str, str]:
        """What is wrong with the chosen columns of a file, by field."""
        return check_columns(columns, self.fields, len(table.header), self.one_of)


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """An upload, its rows, the chosen columns and the plan of what they would do.

    `problems` says by field what is wrong with the columns; as long as there are any, `plan` is
    None.
    """

    upload: CsvUpload
    table: CsvTable
    columns: Mapping[str, int]
    plan: ImportPlan | None
    problems: Mapping[str, str]


class ImportChangedError(ConflictError):
    """The stored data changed since the preview; nothing was imported."""

    def __init__(self) -> None:
        super().__init__(
            "The data changed since this preview was made. Nothing was imported; this is the"
            " preview as of now."
        )


class ImportRefusedError(RefusedError):
    """The plan has errors or would change nothing."""


def preview_import(kind: ImportKind, upload_id: int, owner_id: int) -> ImportPreview:
    """Plan what an upload would do now without writing anything; raises NotFoundError."""
    with reading() as session:
        upload = load_upload(session, upload_id, kind.name, owner_id, kind.connection_id)
        return _preview(session, kind, upload)


def choose_columns(
    kind: ImportKind, upload_id: int, owner_id: int, columns: Mapping[str, int]
) -> None:
    """Store which column holds which field. Raises FieldError, NotFoundError."""
    table = read_upload(get_upload(upload_id, kind.name, owner_id, kind.connection_id))
    if errors := kind.check(columns, table):
        raise FieldError(errors)
    with reading() as session:
        plan = kind.plan(session, _cells(table, columns))
    note_preview(
        upload_id,
        kind.name,
        owner_id,
        kind.connection_id,
        fingerprint=plan.fingerprint,
        columns=columns,
    )


def apply_import(kind: ImportKind, upload_id: int, owner_id: int, fingerprint: str) -> ImportPlan:
    """Import in one transaction what the preview with `fingerprint` showed; returns the plan.

    Raises ImportChangedError if the plan would be a different one now, ImportRefusedError if a row
    is wrong or nothing would change, and NotFoundError if the upload was imported or discarded
    meanwhile.
    """
    try:
        with transaction() as session:
            upload = load_upload(
                session, upload_id, kind.name, owner_id, kind.connection_id, lock=True
            )
            for model in (Connection, *kind.locked):  # saving a routing locks the connections
                session.execute(select(model.id).order_by(model.id).with_for_update())
            plan = _preview(session, kind, upload).plan
            if plan is None:
                raise ImportRefusedError("Nothing was imported: choose the columns first.")
            if plan.fingerprint != fingerprint:
                raise ImportChangedError
            if plan.has_errors:
                raise ImportRefusedError(
                    "Nothing was imported: correct the file and upload it again."
                )
            if not plan.changes_anything:
                raise ImportRefusedError(
                    "There is nothing to import: everything is as in the file."
                )
            kind.write(session, plan, owner_id)
            _record(session, kind, upload, plan)
            session.delete(upload)
            session.flush()
            return plan
    except IntegrityError as error:  # another request took a name between plan and write
        raise ImportChangedError from error


def _preview(session: Session, kind: ImportKind, upload: CsvUpload) -> ImportPreview:
    table = read_upload(upload)
    columns = _columns(upload, kind, table)
    problems = kind.check(columns, table)
    plan = None if problems else kind.plan(session, _cells(table, columns))
    return ImportPreview(upload, table, columns, plan, problems)


def _columns(upload: CsvUpload, kind: ImportKind, table: CsvTable) -> dict[str, int]:
    """The chosen columns, or those that the header suggests if none were chosen yet."""
    names = {one.name for one in kind.fields}
    chosen = {
        name: place
        for name, place in (upload.columns or {}).items()
        if name in names and isinstance(place, int)
    }
    return chosen or guess_columns(table.header, kind.fields)


def _cells(table: CsvTable, columns: Mapping[str, int]) -> NumberedCells:
    return [
        (row.number, {name: row.values[place] for name, place in columns.items()})
        for row in table.rows
    ]


def _record(session: Session, kind: ImportKind, upload: CsvUpload, plan: ImportPlan) -> None:
    connection_id, changed = kind.connection_id, plan.count(Outcome.CHANGED)
    counts = {"added": plan.count(Outcome.ADDED), "changed": changed}
    record_event(
        session,
        action=f"{kind.name}.imported",
        subject_type="connection" if connection_id else "csv_upload",
        subject_id=connection_id or upload.id,
        after={"file": upload.filename, **(counts if kind.adds else {"rows": changed})},
        actor_id=upload.owner_id,
    )
