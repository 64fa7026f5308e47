"""Taking what was deleted out of the database's files, where the database leaves it in them.

SQLite keeps deleted rows in free pages until something else is written there, and deleted words in
the search index until its parts are merged. PostgreSQL's vacuum frees what was deleted by itself,
and files of its write-ahead log are reused.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.extensions import db
from webapp.models.ticket_search import SEARCH_TABLE
from webapp.services.transactions import transaction

PAGES_AT_ONCE = 500
_MERGED = 2
"""A merge that changed fewer rows than that found nothing to do (SQLite's FTS5, "merge")."""


def overwrite_deleted(session: Session) -> None:
    """Let SQLite overwrite with zeros whatever this transaction deletes."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))


def merge_search_index() -> None:
    """Take deleted words out of SQLite's search index, a part in each transaction."""
    pages = -PAGES_AT_ONCE  # the first call says that everything is to be merged
    while _merge(pages):
        pages = PAGES_AT_ONCE


def _merge(pages: int) -> bool:
    with transaction() as session:
        if session.get_bind().dialect.name != "sqlite":
            return False
        overwrite_deleted(session)
        before = _changes(session)
        session.execute(
            text(f"INSERT INTO {SEARCH_TABLE} ({SEARCH_TABLE}, rank) VALUES ('merge', :pages)"),  # noqa: S608
            {"pages": pages},
        )
        return _changes(session) - before >= _MERGED


def _changes(session: Session) -> int:
    return int(session.execute(text("SELECT total_changes()")).scalar_one())


def empty_write_ahead_log() -> None:
    """Take SQLite's write-ahead log into the file, as far as nobody reads from it any more."""
    if db.engine.dialect.name == "sqlite":
        _run("PRAGMA wal_checkpoint(TRUNCATE)")


def compact_database() -> None:
    """Rewrite the database without what was deleted; nobody can write meanwhile on SQLite."""
    if db.engine.dialect.name == "sqlite":
        _run("VACUUM")
        empty_write_ahead_log()
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))


def _run(statement: str) -> None:
    """Run a statement that SQLite takes outside of transactions only."""
    connection: Any = db.engine.raw_connection()
    try:
        connection.cursor().execute(statement).fetchall()
    finally:
        connection.close()
