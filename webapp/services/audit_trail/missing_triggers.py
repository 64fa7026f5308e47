"""The triggers that keep the audit log from being changed, and which of them are gone.

A table of SQLite that a migration makes anew loses its triggers without a word, and whoever owns
the database can drop them.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

SQLITE_TRIGGERS = (
    *("audit_events_added", "audit_events_numbered"),
    *("audit_events_changed", "audit_events_deleted"),
    *("audit_chain_added", "audit_chain_changed", "audit_chain_deleted"),
    *("audit_prunings_added", "audit_prunings_changed", "audit_prunings_deleted"),
    *("audit_seals_added", "audit_seals_changed", "audit_seals_deleted"),
)
POSTGRESQL_TRIGGERS = (
    *("audit_events_rows", "audit_events_emptied"),
    *("audit_chain_rows", "audit_chain_emptied"),
    *("audit_prunings_rows", "audit_prunings_emptied"),
    *("audit_seals_rows", "audit_seals_emptied"),
)
"""What migration 0014 makes; a trigger is named after its table."""

_SQLITE = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
_POSTGRESQL = """
    SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND pg_table_is_visible(tgrelid)
"""


def list_missing_triggers(session: Session) -> Sequence[str]:
    """Return the names of those that are not there, or are switched off."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    rows = session.execute(text(_SQLITE if is_sqlite else _POSTGRESQL))
    there = {name for name, table in rows if name.startswith(f"{table}_")}
    expected = SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS
    return [name for name in expected if name not in there]


def missing_words(names: Sequence[str]) -> str | None:
    """Return a sentence about triggers that are not there; None if all are."""
    if not names:
        return None
    return f"The database no longer keeps the audit log from being changed: {', '.join(names)}."
