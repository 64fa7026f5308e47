"""Adding, editing, ordering and deleting runbooks, which only admins may do.

A change of the text is a new version; all versions are kept with their author. Checklists that
tickets have already stay as they were attached.
"""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Runbook, RunbookVersion
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import (
    EditConflictError,
    check_name_is_free,
    last_editor,
    name_is_taken,
)
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.tickets.runbooks.check_runbook import (
    CheckedRunbook,
    RunbookValues,
    check_runbook,
    runbook_version,
    stored_values,
)
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped, shipped_values
from webapp.services.transactions import transaction

KIND_OF_RUNBOOK = "runbook"
NO_RUNBOOK = "There is no such runbook (any more)."


def add_runbook(values: RunbookValues, *, actor_id: int | None = None) -> Runbook:
    """Add a runbook at the end of the order. Raises FieldError."""
    checked = check_runbook(values)
    with transaction() as session:
        check_name_is_free(session, Runbook, checked.name, KIND_OF_RUNBOOK)
        last = session.scalar(select(func.max(Runbook.position))) or 0
        row = insert_runbook(session, checked, position=last + 1, author_id=actor_id)
        _record(session, row, "added", after=_audited(row), actor_id=actor_id)
        return row


def insert_runbook(
    session: Session,
    checked: CheckedRunbook,
    *,
    position: int,
    author_id: int | None,
    key: str | None = None,
) -> Runbook:
    """Insert a runbook with its first version, in the caller's transaction.

    Raises FieldError if another request just took the name.
    """
    now = clock.utcnow()
    row = Runbook(key=key, position=position, version=1, is_active=True, updated_at=now)
    for name, value in checked.as_dict().items():
        setattr(row, name, value)
    session.add(row)
    _flush_runbook(session, row.name)
    session.add(_version(row, author_id))
    return row


def edit_runbook(
    runbook_id: int, values: RunbookValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save a runbook; returns False if nothing changed.

    Raises FieldError, NotFoundError, and EditConflictError unless `seen` is the stored
    `runbook_version`; None skips this check.
    """
    checked = check_runbook(values)
    with transaction() as session:
        row = get_row(session, Runbook, runbook_id, NO_RUNBOOK, lock=True)
        return _save(session, row, checked.as_dict(), seen=seen, actor_id=actor_id)


def restore_version(
    runbook_id: int, version: int, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Make the text of an earlier version the present one, as a new version.

    Returns False if it is the present text. Raises NotFoundError and EditConflictError.
    """
    with transaction() as session:
        row = get_row(session, Runbook, runbook_id, NO_RUNBOOK, lock=True)
        query = select(RunbookVersion).where(
            RunbookVersion.runbook_id == runbook_id, RunbookVersion.version == version
        )
        earlier = session.scalars(query).one_or_none()
        if earlier is None:
            raise NotFoundError("There is no such version of the runbook.")
        wanted = {**stored_values(row), "body": earlier.body}
        return _save(session, row, wanted, seen=seen, actor_id=actor_id)


def reset_runbook(runbook_id: int, *, seen: str | None = None, actor_id: int | None = None) -> bool:
    """Give a runbook the name, conditions and text with which it comes with the product.

    Returns False if it has them. Raises NotFoundError, EditConflictError, FieldError where the name
    is taken, and RefusedError for a runbook that did not come with the product.
    """
    with transaction() as session:
        row = get_row(session, Runbook, runbook_id, NO_RUNBOOK, lock=True)
        shipped = read_shipped().get(row.key or "")
        if shipped is None:
            raise RefusedError(f"{row.name} did not come with the product.")
        wanted = check_runbook(shipped_values(shipped)).as_dict()
        return _save(session, row, wanted, seen=seen, actor_id=actor_id)


def switch_runbook(runbook_id: int, *, is_active: bool, actor_id: int | None = None) -> bool:
    """Let a runbook be attached, or not any more; returns False if it is like this already.

    Raises NotFoundError.
    """
    with transaction() as session:
        row = get_row(session, Runbook, runbook_id, NO_RUNBOOK, lock=True)
        if row.is_active == is_active:
            return False
        row.is_active = is_active
        what = "activated" if is_active else "deactivated"
        _record(session, row, what, after={"name": row.name}, actor_id=actor_id)
        return True


def delete_runbook(runbook_id: int, *, actor_id: int | None = None) -> str:
    """Delete a runbook with its versions; returns its name. Tickets keep their checklists.

    Raises NotFoundError, and RefusedError for one that came with the product: it would come again.
    """
    with transaction() as session:
        row = get_row(session, Runbook, runbook_id, NO_RUNBOOK, lock=True)
        if row.key is not None:
            raise RefusedError(f"{row.name} came with the product: deactivate it instead.")
        _record(session, row, "deleted", before=_audited(row), actor_id=actor_id)
        session.delete(row)
        return row.name


def _save(
    session: Session,
    row: Runbook,
    values: Mapping[str, object],
    *,
    seen: str | None,
    actor_id: int | None,
) -> bool:
    before = stored_values(row)
    if before == dict(values):
        return False
    if seen is not None and seen != runbook_version(before):
        raise EditConflictError(before, last_editor(session, KIND_OF_RUNBOOK, row.id))
    name = str(values["name"])
    check_name_is_free(session, Runbook, name, KIND_OF_RUNBOOK, row_id=row.id)
    was = _audited(row)
    for column, value in values.items():
        setattr(row, column, value)
    row.updated_at = clock.utcnow()
    if before["body"] != values["body"]:
        row.version += 1
        session.add(_version(row, actor_id))
    _flush_runbook(session, name)
    old, new = changes_between(was, _audited(row))
    _record(session, row, "changed", before=old, after=new, actor_id=actor_id)
    return True


def _version(row: Runbook, author_id: int | None) -> RunbookVersion:
    return RunbookVersion(
        runbook_id=row.id,
        version=row.version,
        body=row.body,
        author_id=author_id,
        created_at=clock.utcnow(),
    )


def _audited(row: Runbook) -> dict[str, object]:
    """The values for the audit log; of the text its version, which is kept by itself."""
    return {**stored_values(row), "body": f"version {row.version}"}


def _flush_runbook(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise name_is_taken(KIND_OF_RUNBOOK, name) from error


def _record(
    session: Session,
    row: Runbook,
    what: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    actor_id: int | None,
) -> None:
    record_event(
        session,
        action=f"{KIND_OF_RUNBOOK}.{what}",
        subject_type=KIND_OF_RUNBOOK,
        subject_id=row.id,
        before=before,
        after=after,
        actor_id=actor_id,
    )
