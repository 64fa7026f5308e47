"""A CSV file between its upload and its import."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference

FILENAME_LENGTH = 255


class CsvUpload(Base):
    """An uploaded file, kept for a day so that the import reads what the preview showed.

    `kind` says what the rows are (clients, assets, mapping), and `columns` which column holds which
    field. `fingerprint` identifies what the preview said that the import would change.
    """

    __tablename__ = "csv_uploads"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int] = reference("users.id")
    connection_id: Mapped[int | None] = reference("connections.id")
    filename: Mapped[str] = mapped_column(String(FILENAME_LENGTH))
    content: Mapped[str] = mapped_column(Text)
    columns: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
