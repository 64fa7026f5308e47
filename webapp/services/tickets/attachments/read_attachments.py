"""The files of a ticket: those that its page shows, pages of all, one to download."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from webapp.models import Attachment, AttachmentContent, Ticket, User
from webapp.services.errors import NotFoundError
from webapp.services.keyset import Keyset, Order, read_page
from webapp.services.tickets.attachments.contents import read_content
from webapp.services.tickets.read_ticket import load_ticket
from webapp.services.transactions import reading

SHOWN = 12
"""So many of the newest files a ticket's page lists."""

MOST_OF_NOTES = 300
FILES_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a ticket; `author` is None if nobody is known to have added it."""

    id: int
    name: str
    size: int
    is_picture: bool
    author_id: int | None
    author: str | None
    comment_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TicketFiles:
    """The newest files of a ticket, the number of all, and those of the entries shown."""

    newest: Sequence[FileRow] = ()
    count: int = 0
    by_note: Mapping[int, Sequence[FileRow]] = field(default_factory=dict)


NO_FILES = TicketFiles()


@dataclass(frozen=True, slots=True)
class Download:
    """The name and size (in bytes) of a file, and its content piece by piece."""

    name: str
    size: int
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture as a page shows it, and its content type."""

    data: bytes
    type: str


def read_ticket_files(ticket_id: int, comment_ids: Sequence[int]) -> TicketFiles:
    """Read the newest files, and those of these timeline entries, with one statement."""
    newest = (
        select(Attachment.id)
        .where(Attachment.ticket_id == ticket_id)
        .order_by(Attachment.id.desc())
        .limit(SHOWN)
    )
    count = select(func.count()).where(Attachment.ticket_id == ticket_id).scalar_subquery()
    statement = (
        _rows(ticket_id)
        .add_columns(count.label("held"))
        .where(or_(Attachment.id.in_(newest), Attachment.comment_id.in_(comment_ids)))
        .order_by(Attachment.id.desc())
        .limit(SHOWN + MOST_OF_NOTES)
    )
    with reading() as session:
        found = session.execute(statement).all()
    if not found:
        return NO_FILES
    rows = [_row(one) for one in found]
    by_note: dict[int, list[FileRow]] = {}
    for row in reversed(rows):
        if row.comment_id is not None:
            by_note.setdefault(row.comment_id, []).append(row)
    return TicketFiles(rows[:SHOWN], found[0].held, by_note)


@dataclass(frozen=True, slots=True)
class FilesPage:
    """A page of all files of a ticket."""

    ticket: Ticket
    rows: Sequence[FileRow]
    previous_mark: str | None
    next_mark: str | None


def list_ticket_files(
    ticket_id: int, *, after: str | None = None, before: str | None = None
) -> FilesPage:
    """Read a page of a ticket's files, the newest first. Raises NotFoundError."""
    statement = (
        select(Attachment)
        .where(Attachment.ticket_id == ticket_id)
        .options(
            joinedload(Attachment.author),
            joinedload(Attachment.content).defer(AttachmentContent.picture),
        )
    )
    with reading() as session:
        ticket = load_ticket(session, ticket_id)
        page = read_page(session, statement, _NEWEST, FILES_A_PAGE, after=after, before=before)
    rows = [
        FileRow(
            id=row.id,
            name=row.name,
            size=row.content.size,
            is_picture=row.content.picture_type is not None,
            author_id=row.author_id,
            author=row.author.name if row.author else None,
            comment_id=row.comment_id,
            created_at=row.created_at,
        )
        for row in page.rows
    ]
    return FilesPage(ticket, rows, page.previous_mark, page.next_mark)


def read_download(ticket_id: int, attachment_id: int) -> Download:
    """Return a file of the ticket; its parts read the database. Raises NotFoundError."""
    with reading() as session:
        found = session.execute(
            select(Attachment.name, Attachment.sha256, AttachmentContent.size)
            .join(Attachment.content)
            .where(Attachment.id == attachment_id, Attachment.ticket_id == ticket_id)
        ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such file.")
    return Download(found.name, found.size, read_content(found.sha256))


def read_picture(ticket_id: int, attachment_id: int) -> ShownPicture:
    """Return the picture of a file as a page shows it. Raises NotFoundError if it has none."""
    with reading() as session:
        found = session.execute(
            select(AttachmentContent.picture, AttachmentContent.picture_type)
            .join(Attachment, Attachment.sha256 == AttachmentContent.sha256)
            .where(Attachment.id == attachment_id, Attachment.ticket_id == ticket_id)
        ).one_or_none()
    if found is None or found.picture is None:
        raise NotFoundError("There is no such picture.")
    return ShownPicture(found.picture, found.picture_type)


_NEWEST = Keyset(Order(Attachment.id, "id", descending=True))


def _rows(ticket_id: int) -> "Select[*tuple[Any, ...]]":
    return (
        select(
            Attachment.id,
            Attachment.name,
            AttachmentContent.size,
            AttachmentContent.picture_type,
            Attachment.author_id,
            User.name.label("author"),
            Attachment.comment_id,
            Attachment.created_at,
        )
        .join(Attachment.content)
        .outerjoin(User, User.id == Attachment.author_id)
        .where(Attachment.ticket_id == ticket_id)
    )


def _row(found: Any) -> FileRow:
    return FileRow(
        id=found.id,
        name=found.name,
        size=found.size,
        is_picture=found.picture_type is not None,
        author_id=found.author_id,
        author=found.author,
        comment_id=found.comment_id,
        created_at=found.created_at,
    )
