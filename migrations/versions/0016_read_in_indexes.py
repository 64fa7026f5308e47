"""Open tickets of a host, and how fast tickets were touched and closed, are read in indexes alone."""

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
