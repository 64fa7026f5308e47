"""Adding files to a ticket, with a note or alone, and removing them."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.attaching.limits import file_size, find_too_large, find_too_many
from webapp.domain.markdown_text import escape_line
from webapp.extensions import current_config
from webapp.models import Attachment, AttachmentContent, Comment, Ticket
from webapp.services.audit import record_event
from webapp.services.errors import ConflictError, FieldError, NotFoundError, RefusedError
from webapp.services.tickets.attachments.contents import (
    MeasuredFile,
    SentFile,
    hold_contents,
    measure_file,
    store_contents,
)
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import FOR_CHANGE, reading, transaction

FILES = "files"
"""The field of the form that sentences about files are shown at."""

_TRIES = 3


def add_note_with_files(
    ticket_id: int,
    body: str,
    files: Sequence[SentFile],
    *,
    author_id: int,
    draft: str | None = None,
) -> Comment:
    """Add a note with files to the ticket's timeline, or files alone, each with an audit event.

    For `draft` see `add_internal_note`. Raises FieldError where a file is empty or too large, or
    they are too many, or the note is not taken; NotFoundError if the ticket does not exist. Nothing
    is added then.
    """
    if not files:
        return add_internal_note(ticket_id, body, author_id=author_id, draft=draft)
    measured = _measure_all(files)
    with reading() as session:
        _refuse_too_much(session, ticket_id, measured)
    text = body if body.strip() else _words_for(len(files))

    def attach(session: Session, comment: Comment) -> None:
        _attach(session, comment, measured)

    tries = 0
    while True:
        tries += 1
        store_contents(measured)
        try:
            return add_internal_note(
                ticket_id, text, author_id=author_id, attach=attach, draft=draft
            )
        except ConflictError:  # somebody just removed the last attachment of a content
            if tries == _TRIES:
                raise


def remove_attachment(
    ticket_id: int, attachment_id: int, *, actor_id: int, may_remove_all: bool
) -> str:
    """Remove a file from its ticket, with a timeline entry and an audit event; return its name.

    Raises NotFoundError if it is not there, and RefusedError if it is somebody else's and the
    person may not remove all.
    """
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
        found = session.scalar(
            select(Attachment).where(
                Attachment.id == attachment_id, Attachment.ticket_id == ticket_id
            )
        )
        if ticket is None or found is None:
            raise NotFoundError("There is no such file.")
        if found.author_id != actor_id and not may_remove_all:
            raise RefusedError("Only who added a file, or an admin, can remove it.")
        name, size = found.name, found.content.size
        session.delete(found)
        now = ticket.updated_at = clock.utcnow()
        entry = Comment(
            ticket_id=ticket_id,
            author_id=actor_id,
            kind=CHANGE_COMMENT,
            is_internal=True,
            body=f"Removed the file {escape_line(name)} ({file_size(size)}).",
            created_at=now,
        )
        session.add(entry)
        record_event(
            session,
            action="ticket.file_removed",
            subject_type="ticket",
            subject_id=ticket_id,
            before={"name": name, "size": size, "sha256": found.sha256},
            actor_id=actor_id,
        )
        tell_watchers(session, [Changed(ticket_id, entry)], actor_id=actor_id, now=now)
    return name


def _measure_all(files: Sequence[SentFile]) -> list[MeasuredFile]:
    limits = current_config().file_limits
    measured = [measure_file(file, limits.file_bytes) for file in files]
    problems = [find_too_large(one.file.name, one.size, limits) for one in measured]
    if sentences := [problem for problem in problems if problem]:
        raise FieldError({FILES: " ".join(sentences)})
    return measured


def _refuse_too_much(session: Session, ticket_id: int, measured: Sequence[MeasuredFile]) -> None:
    files, size = session.execute(
        select(func.count(), func.coalesce(func.sum(AttachmentContent.size), 0))
        .select_from(Attachment)
        .join(AttachmentContent, AttachmentContent.sha256 == Attachment.sha256)
        .where(Attachment.ticket_id == ticket_id)
    ).one()
    sizes = [one.size for one in measured]
    problem = find_too_many(sizes, files, int(size), current_config().file_limits)
    if problem:
        raise FieldError({FILES: problem})


def _attach(session: Session, comment: Comment, measured: Sequence[MeasuredFile]) -> None:
    """Attach the files to a ticket that the transaction has locked."""
    _refuse_too_much(session, comment.ticket_id, measured)
    if not hold_contents(session, {one.sha256 for one in measured}):
        raise ConflictError("The same files are being removed just now. Send them again.")
    for one in measured:
        session.add(
            Attachment(
                ticket_id=comment.ticket_id,
                comment_id=comment.id,
                sha256=one.sha256,
                name=one.file.name,
                author_id=comment.author_id,
                created_at=comment.created_at,
            )
        )
        record_event(
            session,
            action="ticket.file_added",
            subject_type="ticket",
            subject_id=comment.ticket_id,
            after={"name": one.file.name, "size": one.size, "sha256": one.sha256},
            actor_id=comment.author_id,
        )


def _words_for(count: int) -> str:
    return "Added a file." if count == 1 else f"Added {count} files."
