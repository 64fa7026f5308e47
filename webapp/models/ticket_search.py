"""The search index of tickets, kept by triggers of the database (migration 0003).

On SQLite it is an FTS5 table whose rowid is the ticket's id, on PostgreSQL a table with a tsvector.
No model describes it: nothing but `services/search_tickets` reads it, and nothing writes it.
"""

SEARCH_TABLE = "ticket_search"


def is_search_table(name: str | None) -> bool:
    """Whether a table (or one that SQLite keeps behind it) belongs to the search index."""
    return name is not None and (name == SEARCH_TABLE or name.startswith(f"{SEARCH_TABLE}_"))
