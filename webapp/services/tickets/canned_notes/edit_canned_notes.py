"""Adding, editing, ordering and deleting canned notes, which only admins may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.untrusted import clean_text
from webapp.models import CannedNote
from webapp.services.audit import changes_between, record_event
from webapp.services.desk.edit_rows import (
    EditConflictError,
    check_name_is_free,
    last_editor,
    name_is_taken,
    read_name,
    version_of,
)
from webapp.services.errors import FieldError
from webapp.services.lookups import get_row
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.transactions import reading, transaction

KIND_OF_CANNED = "canned_note"
_SPOKEN = "canned note"
NO_CANNED_NOTE = "There is no such canned note (any more)."


@dataclass(frozen=True, slots=True)
class CannedNoteView:
    """A canned note; `seen` is what its form is filled with."""

    note: CannedNote
    seen: str


def list_canned_notes() -> list[CannedNote]:
    """All canned notes in their order."""
    with reading() as session:
        query = select(CannedNote).order_by(CannedNote.position, CannedNote.id)
        return list(session.scalars(query.execution_options(populate_existing=True)))


def read_canned_note(note_id: int) -> CannedNoteView:
    """The canned note; raises NotFoundError."""
    with reading() as session:
        note = get_row(session, CannedNote, note_id, NO_CANNED_NOTE)
        return CannedNoteView(note, version_of(_stored(note)))


def add_canned_note(
    name: str | None, body: str | None, *, actor_id: int | None = None
) -> CannedNote:
    """Add a canned note at the end of the order. Raises FieldError."""
    values = _read(name, body)
    with transaction() as session:
        check_name_is_free(session, CannedNote, values["name"], _SPOKEN)
        last = session.scalar(select(func.max(CannedNote.position))) or 0
        row = CannedNote(**values, position=last + 1)
        session.add(row)
        _flush_note(session, row.name)
        _record(session, row.id, "added", None, values, actor_id)
        return row


def edit_canned_note(
    note_id: int,
    name: str | None,
    body: str | None,
    *,
    seen: str | None = None,
    actor_id: int | None = None,
) -> bool:
    """Save a canned note; returns False if nothing changed.

    Raises FieldError, NotFoundError, and EditConflictError if another version than `seen` is
    stored; None skips this check.
    """
    values = _read(name, body)
    with transaction() as session:
        row = get_row(session, CannedNote, note_id, NO_CANNED_NOTE, lock=True)
        before = _stored(row)
        if before == values:
            return False
        if seen is not None and seen != version_of(before):
            raise EditConflictError(before, last_editor(session, KIND_OF_CANNED, note_id))
        check_name_is_free(session, CannedNote, values["name"], _SPOKEN, row_id=note_id)
        row.name, row.body = values["name"], values["body"]
        _flush_note(session, row.name)
        old, new = changes_between(before, values)
        _record(session, note_id, "changed", old, new, actor_id)
        return True


def delete_canned_note(note_id: int, *, actor_id: int | None = None) -> str:
    """Delete a canned note; returns its name. Raises NotFoundError."""
    with transaction() as session:
        row = get_row(session, CannedNote, note_id, NO_CANNED_NOTE, lock=True)
        _record(session, note_id, "deleted", _stored(row), None, actor_id)
        session.delete(row)
        return row.name


def _read(name: str | None, body: str | None) -> dict[str, str]:
    errors: dict[str, str] = {}
    found = read_name(name, errors)
    text = clean_text(body, NOTE_LENGTH + 1) or ""
    if not text:
        errors["body"] = "Write the text of the note."
    elif len(text) > NOTE_LENGTH:
        errors["body"] = f"A note has at most {NOTE_LENGTH:,} characters."
    if errors:
        raise FieldError(errors)
    return {"name": found, "body": text}


def _stored(row: CannedNote) -> dict[str, str]:
    return {"name": row.name, "body": row.body}


def _flush_note(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise name_is_taken(_SPOKEN, name) from error


def _record(
    session: Session,
    note_id: int,
    what: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    actor_id: int | None,
) -> None:
    record_event(
        session,
        action=f"{KIND_OF_CANNED}.{what}",
        subject_type=KIND_OF_CANNED,
        subject_id=note_id,
        before=before,
        after=after,
        actor_id=actor_id,
    )
