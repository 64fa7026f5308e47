"""The index of closed tickets by age, where an earlier form of migration 0003 left it out."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_closed = sa.text("closed_at IS NOT NULL")
    op.create_index(
        "ix_tickets_closed_created",
        "tickets",
        ["created_at", "id"],
        sqlite_where=is_closed,
        postgresql_where=is_closed,
        if_not_exists=True,
    )
