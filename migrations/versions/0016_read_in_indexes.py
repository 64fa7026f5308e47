"""Open tickets of a host, how fast tickets were touched and closed, and searches read indexes alone."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_tickets_subject_key": (
        *("subject_key", "client_id", "closed_at"),
        *("is_unmapped", "is_drill", "id"),
    ),
    "ix_tickets_first_touched_at": (
        *("first_touched_at", "created_at", "reported_at"),
        *("connection_id", "source", "id"),
    ),
    "ix_tickets_closed_at": (
        *("closed_at", "created_at", "reported_at"),
        *("connection_id", "source", "id"),
    ),
}

# PostgreSQL does not know what it costs to read long words: where it knows that most tickets have
# the word that is looked for, it reads those of all of them, which takes a hundred times as long as
# to ask the index. Without statistics it expects few. A type that is set, though to what it was,
# makes it forget them.
ASK_THE_INDEX = (
    "DROP FUNCTION ticket_search_find(tsquery)",
    "ALTER TABLE ticket_search ALTER COLUMN words TYPE tsvector",
    "ALTER TABLE ticket_search ALTER COLUMN words SET STATISTICS 0",
)


def upgrade() -> None:
    for name, columns in INDEXES.items():
        is_there = sa.text(f"{columns[0]} IS NOT NULL")
        op.drop_index(name, table_name="tickets")
        op.create_index(
            name,
            "tickets",
            columns,
            unique=False,
            sqlite_where=is_there,
            postgresql_where=is_there,
        )
    if op.get_context().dialect.name == "postgresql":
        for statement in ASK_THE_INDEX:
            op.execute(statement)
