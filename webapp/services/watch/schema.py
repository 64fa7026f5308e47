"""Which migration the database is at."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def read_schema(session: Session) -> str:
    """Return the number of the database's migration."""
    return str(session.scalar(text("SELECT version_num FROM alembic_version")) or "none")
