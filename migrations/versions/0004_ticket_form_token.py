"""A ticket remembers the form it was opened with: sent twice, the form is still one ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("form_token", sa.String(length=64), nullable=True))
    op.create_index("uq_tickets_form_token", "tickets", ["form_token"], unique=True)
