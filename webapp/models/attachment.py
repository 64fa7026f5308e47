"""Files on tickets."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.user import User


class AttachmentContent(Base):
    """The content of files, once for each; `sha256` is its hash as hex, `size` is in bytes.

    Its bytes are in AttachmentChunks. `picture` is the picture that a page may show, encoded anew;
    other files have none. A trigger of the database deletes a content with its last attachment.
    """

    __tablename__ = "attachment_contents"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    picture_type: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AttachmentChunk(Base):
    """A piece of a content's bytes; pieces follow each other by `position`, from 0."""

    __tablename__ = "attachment_chunks"

    sha256: Mapped[str] = mapped_column(
        ForeignKey("attachment_contents.sha256", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Attachment(Base):
    """A file on a ticket; `name` is a cleaned file name without a path."""

    __tablename__ = "attachments"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    comment_id: Mapped[int | None] = mapped_column(
        ForeignKey("comments.id", ondelete="SET NULL"), index=True
    )
    sha256: Mapped[str] = reference("attachment_contents.sha256")
    name: Mapped[str] = mapped_column(String(255))
    author_id: Mapped[int | None] = reference("users.id")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    content: Mapped[AttachmentContent] = relationship()
    author: Mapped[User | None] = relationship()
