"""What keeps the database quick; what it keeps for how long is in the area `retention`."""

from sqlalchemy import text

from webapp.services.transactions import transaction


def refresh_statistics() -> None:
    """Let SQLite analyse a sample of each index; otherwise it takes every index for a good one.

    PostgreSQL does this by itself.
    """
    with transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA analysis_limit=1000"))
            session.execute(text("ANALYZE"))
