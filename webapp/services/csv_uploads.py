"""CSV files between upload and import; each is kept for a day, for the person who sent it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.csv_text import (
    FALLBACK_ENCODING,
    FILE_ENDINGS,
    CsvError,
    CsvTable,
    decode_csv,
    fallback_note,
    read_csv,
)
from webapp.domain.untrusted import clean_line
from webapp.models import CsvUpload
from webapp.models.csv_upload import FILENAME_LENGTH
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.lookups import get_row
from webapp.services.transactions import reading, transaction

ENCODING = "encoding"
"""The key in `CsvUpload.columns` that this module keeps; the kind of upload owns the others."""

_GONE = "This upload is not there any more; upload the file again."


def store_upload(
    kind: str, filename: str, data: bytes, owner_id: int, connection_id: int | None = None
) -> CsvUpload:
    """Store an uploaded file as text if it can be read.

    Raises FieldError for the field `file` if the file is empty, too large or not text, has a name
    that does not end as that of a CSV file, no header, no rows, or rows wider than the header.
    """
    if not data:
        raise FieldError({"file": "Choose a CSV file that is not empty."})
    if not filename.strip().lower().endswith(FILE_ENDINGS):
        endings = ", ".join(FILE_ENDINGS[:-1])
        sentence = f"The file's name has to end in {endings} or {FILE_ENDINGS[-1]}."
        raise FieldError({"file": f'{sentence} Save it as "CSV UTF-8" and upload that.'})
    try:
        content, encoding = decode_csv(data)
    except CsvError as error:
        raise FieldError({"file": str(error)}) from None
    if problems := read_csv(content).problems:
        raise FieldError({"file": " ".join(problems)})
    upload = CsvUpload(
        kind=kind,
        owner_id=owner_id,
        connection_id=connection_id,
        filename=clean_line(filename, FILENAME_LENGTH) or "upload.csv",
        content=content,
        columns={ENCODING: encoding},
        created_at=clock.utcnow(),
    )
    with transaction() as session:
        session.add(upload)
    return upload


def get_upload(
    upload_id: int, kind: str, owner_id: int, connection_id: int | None = None
) -> CsvUpload:
    """The upload, if it has this kind, owner and connection; otherwise raises NotFoundError."""
    with reading() as session:
        return load_upload(session, upload_id, kind, owner_id, connection_id)


def load_upload(
    session: Session,
    upload_id: int,
    kind: str,
    owner_id: int,
    connection_id: int | None = None,
    *,
    lock: bool = False,
) -> CsvUpload:
    """Do the same as `get_upload` in the caller's transaction.

    An import locks the upload and deletes it at the end, so a second request for the same import
    finds that it is gone.
    """
    upload = get_row(session, CsvUpload, upload_id, _GONE, lock=lock)
    wanted = (kind, owner_id, connection_id)
    if (upload.kind, upload.owner_id, upload.connection_id) != wanted:
        raise NotFoundError(_GONE)
    return upload


def read_upload(upload: CsvUpload) -> CsvTable:
    """The rows of an upload, with a note if its encoding had to be guessed."""
    table = read_csv(upload.content)
    is_guess = (upload.columns or {}).get(ENCODING) == FALLBACK_ENCODING
    return replace(table, notes=[fallback_note()]) if is_guess else table


def note_preview(
    upload_id: int,
    kind: str,
    owner_id: int,
    connection_id: int | None = None,
    *,
    fingerprint: str,
    columns: Mapping[str, Any] | None = None,
) -> CsvUpload:
    """Store what the preview showed and which column holds which field; raises NotFoundError."""
    with transaction() as session:
        upload = load_upload(session, upload_id, kind, owner_id, connection_id, lock=True)
        upload.fingerprint = fingerprint
        if columns is not None:
            kept = {ENCODING: (upload.columns or {}).get(ENCODING)}
            upload.columns = {**columns, **kept}
        return upload


def delete_upload(
    upload_id: int, kind: str, owner_id: int, connection_id: int | None = None
) -> None:
    """Delete an upload; does nothing if it is gone already."""
    with transaction() as session, suppress(NotFoundError):
        session.delete(load_upload(session, upload_id, kind, owner_id, connection_id, lock=True))
