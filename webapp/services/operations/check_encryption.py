"""Whether stored secrets can still be read with the configured keys."""

from sqlalchemy import Column, String, Table, cast, select
from sqlalchemy.orm import Session

from webapp.config import ConfigError
from webapp.crypto import DecryptionError, EncryptedText, cipher
from webapp.extensions import db
from webapp.services.transactions import reading


def require_readable_secrets() -> None:
    """Raise ConfigError if an encrypted column holds a value that no configured key fits."""
    with reading() as session:
        unreadable = find_unreadable_columns(session)
    if unreadable:
        raise ConfigError(
            f"Stored secrets ({', '.join(unreadable)}) do not fit TRIAGEDESK_ENCRYPTION_KEYS.",
            "Configure the keys they were stored with (they belong in the backup);"
            " without them, disconnect and connect the Huntress accounts anew.",
        )


def find_unreadable_columns(session: Session) -> list[str]:
    """`table.column` of every encrypted column with a value that no configured key fits."""
    return [
        f"{table.name}.{column.name}"
        for table in db.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, EncryptedText) and not _is_readable(session, table, column)
    ]


def _is_readable(session: Session, table: Table, column: Column[str]) -> bool:
    stored = session.scalars(select(cast(column, String)).where(column.is_not(None)))
    try:
        for text in stored:
            cipher.decrypt(text)
    except DecryptionError:
        return False
    return True
