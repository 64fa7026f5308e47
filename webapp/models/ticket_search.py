"""The search index of tickets, which triggers of the database keep up to date (migration 0003).

On SQLite it is an FTS5 table whose rowid is the ticket's id; on PostgreSQL it is a table with a
tsvector. It has no model, because only `services/tickets/search_tickets.py` reads it and no code
writes it.
"""

SEARCH_TABLE = "ticket_search"


def is_search_table(name: str | None) -> bool:
    """Whether a table belongs to the search index; SQLite keeps several tables for it."""
    return name is not None and (name == SEARCH_TABLE or name.startswith(f"{SEARCH_TABLE}_"))
