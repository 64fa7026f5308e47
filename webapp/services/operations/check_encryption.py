"""Whether stored secrets can still be read with the configured keys."""

import logging

from sqlalchemy import Column, String, Table, cast, select
from sqlalchemy.orm import Session

from webapp.crypto import DecryptionError, EncryptedText, cipher
from webapp.extensions import db
from webapp.services.transactions import reading

UNREADABLE_HINT = (
    "Restore the keys these were stored with (TRIAGEDESK_ENCRYPTION_KEYS), or enter the affected"
    " credentials again in the browser: connections under Integrations → Huntress, targets and the"
    " mail server under Notifications, contact methods under Preferences."
)

logger = logging.getLogger(__name__)


def warn_of_unreadable_secrets() -> None:
    """Log a warning if an encrypted column holds a value that no configured key fits.

    Everything starts all the same: only the affected connections are not polled, and the affected
    targets are paused (all mail targets, if it is the mail password).
    """
    with reading() as session:
        unreadable = find_unreadable_columns(session)
    if unreadable:
        names = ", ".join(unreadable)
        logger.warning("The configured keys cannot decrypt %s. %s", names, UNREADABLE_HINT)


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
