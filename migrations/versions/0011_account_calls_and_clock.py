"""What Huntress last said about the account's calls, and how far its clock differs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_exchanges", sa.Column("account_limit", sa.Integer()))
    op.add_column("api_exchanges", sa.Column("account_remaining", sa.Integer()))
    op.add_column("connections", sa.Column("huntress_skew_seconds", sa.Integer()))
