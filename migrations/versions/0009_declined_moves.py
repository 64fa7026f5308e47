"""A ticket remembers that somebody answered "Not now" to the offer to move it off triage."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tickets",
        sa.Column(
            "is_move_declined", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
