"""Indexes that answer the dashboard: open tickets, when they were touched and closed, incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_tickets_open",
        "tickets",
        [
            *("created_at", "id", "priority_id", "first_touched_at"),
            *("assignee_id", "board_id", "is_unmapped"),
        ],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    for column in ("first_touched_at", "closed_at"):
        is_known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_tickets_{column}",
            "tickets",
            [column, "created_at", "source", "id"],
            sqlite_where=is_known,
            postgresql_where=is_known,
        )
    op.drop_index("ix_alerts_ticket_id", "alerts")
    op.create_index("ix_alerts_ticket_id", "alerts", ["ticket_id", "triggered_at", "connection_id"])
    op.create_index("ix_alerts_triggered_at", "alerts", ["triggered_at", "reason", "severity"])
