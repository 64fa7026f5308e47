"""What all edits of the desk's rows share: checking values, detecting conflicts, audit events."""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.untrusted import clean_line, clean_text
from webapp.models import AuditEvent, CannedNote, Policy, Runbook, User
from webapp.models.columns import NAME_LENGTH
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.delete_guard import DeskRow
from webapp.services.errors import ConflictError, FieldError

LONGEST_TYPED = 20_000


class EditConflictError(ConflictError):
    """Somebody changed the row after the form was shown; nothing was saved.

    `current` holds the values that are stored now.
    """

    def __init__(self, current: Mapping[str, object], changed_by: str | None = None) -> None:
        who = changed_by or "Somebody else"
        super().__init__(
            f"{who} changed this while you were editing it. Nothing was saved: compare, then save"
            " again to keep what you typed."
        )
        self.current = dict(current)


def version_of(values: Mapping[str, object]) -> str:
    """A short text that differs as soon as one of the values differs."""
    return sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]


def read_line(
    value: str | None, field: str, label: str, errors: dict[str, str], limit: int = NAME_LENGTH
) -> str | None:
    """The value as one line, or None if it is empty; a problem with it is added to `errors`."""
    line = clean_line(value, LONGEST_TYPED)
    if line and len(line) > limit:
        errors[field] = f"{label} is longer than {limit} characters."
    return line


def read_text(value: str | None, field: str, label: str, errors: dict[str, str], limit: int) -> str:
    """The value as text of several lines; a problem with it is added to `errors`."""
    text = clean_text(value, limit + 1) or ""
    if len(text) > limit:
        errors[field] = f"{label} are longer than {limit:,} characters."
    return text


def read_name(value: str | None, errors: dict[str, str], limit: int = NAME_LENGTH) -> str:
    """The name of a row as one line; a problem, such as no name, is added to `errors`."""
    name = read_line(value, "name", "The name", errors, limit)
    if name is None:
        errors["name"] = "Enter a name."
    return name or ""


def check_name_is_free(
    session: Session,
    model: type[DeskRow | Policy | Runbook | CannedNote],
    name: str,
    kind: str,
    *,
    row_id: int | None = None,
    within: tuple[ColumnElement[bool], ...] = (),
) -> None:
    """Raise FieldError if another row has the name, regardless of case."""
    columns: list[ColumnElement[Any]] = list(model.__table__.columns)
    wanted = [column for column in columns if column.key in ("id", "name", "is_active")]
    folded = name.casefold()
    for other in session.execute(select(*wanted).where(*within)).mappings():
        if other["id"] != row_id and other["name"].casefold() == folded:
            raise name_is_taken(kind, other["name"], is_active=other.get("is_active", True))


def name_is_taken(kind: str, name: str, *, is_active: bool = True) -> FieldError:
    """The error for a name that another row has."""
    if is_active:
        return FieldError({"name": f"There is a {kind} named {name} already."})
    return FieldError({"name": f"There is an inactive {kind} named {name} already; activate it."})


def add_named(
    session: Session,
    row: DeskRow,
    values: Mapping[str, object],
    actor_id: int | None,
    *,
    within: tuple[ColumnElement[bool], ...] = (),
) -> None:
    """Add a row whose name must be free, and record the event with `values`.

    Raises FieldError if the name is taken, even if another request took it just now.
    """
    kind = type(row).__name__.lower()
    check_name_is_free(session, type(row), row.name, kind, within=within)
    session.add(row)
    _flush_name(session, kind, row.name)
    record_added(session, row, values, actor_id)


def apply_edit(
    session: Session,
    row: DeskRow,
    values: Mapping[str, object],
    *,
    seen: str | None,
    actor_id: int | None,
) -> bool:
    """Set the values of a locked row and record what changed; returns False if nothing did.

    `seen` is the version of these values that the person looked at; with None the stored version
    does not matter. Raises EditConflictError if the stored version is another one, unless the row
    has the wanted values already. Raises FieldError if another request just took the name.
    """
    before = {name: getattr(row, name) for name in values}
    if before == dict(values):
        return False
    kind = type(row).__name__.lower()
    if seen is not None and seen != version_of(before):
        raise EditConflictError(before, last_editor(session, kind, row.id))
    old, new = changes_between(before, values)
    for name, value in new.items():
        setattr(row, name, value)
    if "name" in new:
        _flush_name(session, kind, row.name)
    record_event(
        session,
        action=f"{kind}.changed",
        subject_type=kind,
        subject_id=row.id,
        before=old,
        after=new,
        actor_id=actor_id,
    )
    return True


def record_added(
    session: Session, row: DeskRow, values: Mapping[str, object], actor_id: int | None
) -> None:
    """Record the event for a new row; the row has its id already."""
    kind = type(row).__name__.lower()
    record_event(
        session,
        action=f"{kind}.added",
        subject_type=kind,
        subject_id=row.id,
        after=values,
        actor_id=actor_id,
    )


def _flush_name(session: Session, kind: str, name: str) -> None:
    """Flush; raise FieldError if the constraint fails, as two requests may find the name free."""
    try:
        session.flush()
    except IntegrityError as error:
        raise name_is_taken(kind, name) from error


def last_change(session: Session, kind: str, row_id: int) -> tuple[str | None, datetime] | None:
    """Who changed a row last (None: the system) and when (UTC); None if no change is recorded."""
    found = session.execute(
        select(User.name, AuditEvent.happened_at)
        .select_from(AuditEvent)
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.subject_type == kind, AuditEvent.subject_id == str(row_id))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).first()
    return None if found is None else (found[0], found[1])


def last_editor(session: Session, kind: str, row_id: int) -> str | None:
    """The name of the person who changed a row last, or None."""
    change = last_change(session, kind, row_id)
    return change[0] if change else None
