"""The contents of files: stored once each, in pieces, so that memory stays bounded.

A content is stored before it is attached, in a transaction of its own; whatever a crash leaves
without an attachment is deleted by the hourly upkeep. With the last attachment, a trigger of the
database deletes it (migration 0015).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Attachment, AttachmentChunk, AttachmentContent
from webapp.services.errors import NotFoundError
from webapp.services.tickets.attachments.make_picture import make_picture
from webapp.services.transactions import NO_SYNC, reading, transaction

CHUNK_BYTES = 256 * 1024
UNUSED_FOR = timedelta(hours=1)
"""So long a content may wait for its attachment."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent: its cleaned name, and a stream that can be read again."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """A file that was read once: the SHA-256 of its content (hex) and its size in bytes."""

    file: SentFile
    sha256: str
    size: int


def measure_file(file: SentFile, largest: int) -> MeasuredFile:
    """Read a file piece by piece, to its end or a little beyond `largest` bytes."""
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(file.stream):
        digest.update(piece)
        size += len(piece)
        if size > largest:
            break
    return MeasuredFile(file, digest.hexdigest(), size)


def store_contents(measured: Sequence[MeasuredFile]) -> None:
    """Store each content that is not stored yet; safe beside others who store the same one."""
    with reading() as session:
        wanted = {one.sha256 for one in measured}
        stored = set(
            session.scalars(
                select(AttachmentContent.sha256).where(AttachmentContent.sha256.in_(wanted))
            )
        )
    for one in {one.sha256: one for one in measured if one.sha256 not in stored}.values():
        _store(one)


def hold_contents(session: Session, sha256s: set[str]) -> bool:
    """Keep these contents from being deleted until the transaction ends; False if one is gone."""
    held = session.scalars(
        select(AttachmentContent.sha256)
        .where(AttachmentContent.sha256.in_(sha256s))
        .order_by(AttachmentContent.sha256)
        .with_for_update(read=True, key_share=True)
    )
    return set(held) == sha256s


def read_content(sha256: str) -> Iterator[bytes]:
    """Return the bytes of a content, a piece at a time, each read on its own.

    Raises NotFoundError if it is deleted meanwhile: the receiver then has too few bytes.
    """
    with reading() as session:
        count = session.scalar(
            select(func.count())
            .select_from(AttachmentChunk)
            .where(AttachmentChunk.sha256 == sha256)
        )
    for position in range(count or 0):
        with reading() as session:
            data = session.scalar(
                select(AttachmentChunk.data).where(
                    AttachmentChunk.sha256 == sha256, AttachmentChunk.position == position
                )
            )
        if data is None:
            raise NotFoundError("The file was deleted meanwhile.")
        yield data


def drop_unused_contents() -> int:
    """Delete contents that have waited for an attachment for UNUSED_FOR; return their number."""
    before = clock.utcnow() - UNUSED_FOR
    is_used = exists().where(Attachment.sha256 == AttachmentContent.sha256)
    with transaction() as session:
        waiting = session.scalars(
            select(AttachmentContent.sha256)
            .where(AttachmentContent.created_at < before, ~is_used)
            .order_by(AttachmentContent.sha256)
            .with_for_update()
        ).all()
        # Only now is nobody attaching them any more, and who did so before is seen.
        result = session.execute(
            delete(AttachmentContent).where(AttachmentContent.sha256.in_(waiting), ~is_used),
            execution_options=NO_SYNC,
        )
        return int(result.rowcount)  # type: ignore[attr-defined]


def _store(one: MeasuredFile) -> None:
    picture = make_picture(one.file.stream)
    one.file.stream.seek(0)
    with transaction() as session:
        values = {
            "sha256": one.sha256,
            "size": one.size,
            "picture": picture.data if picture else None,
            "picture_type": picture.type if picture else None,
            "created_at": clock.utcnow(),
        }
        if not _insert_new(session, values):
            return
        for position, data in enumerate(_pieces(one.file.stream)):
            session.execute(
                insert(AttachmentChunk),
                [{"sha256": one.sha256, "position": position, "data": data}],
            )


def _insert_new(session: Session, values: dict[str, object]) -> bool:
    """Insert a content's row; False if it is there, also if another transaction just stored it."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (sqlite if is_sqlite else postgresql).insert(AttachmentContent).values(values)
    inserted = session.execute(
        statement.on_conflict_do_nothing().returning(AttachmentContent.sha256)
    )
    return inserted.scalar() is not None


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while piece := stream.read(CHUNK_BYTES):
        yield piece
