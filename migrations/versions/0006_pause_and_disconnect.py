"""Who paused or disconnected an account, why and until when, and who acknowledged the latter."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PEOPLE = ("paused_by_id", "disconnected_by_id", "disconnect_acknowledged_by_id")


def upgrade() -> None:
    with op.batch_alter_table("connections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pause_reason", sa.Text(), nullable=True))
        for column in ("paused_until", "disconnect_acknowledged_at"):
            batch_op.add_column(sa.Column(column, sa.DateTime(timezone=True), nullable=True))
        for column in PEOPLE:
            batch_op.add_column(sa.Column(column, sa.Integer(), nullable=True))
            batch_op.create_foreign_key(
                op.f(f"fk_connections_{column}"), "users", [column], ["id"], ondelete="RESTRICT"
            )
