"""Huntress's words as they came, the linked asset, all remediations, and forms of portal links."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BATCH = 500
WORD_LENGTH = 60
IS_PENDING = sa.text("details_pending")
IS_OPEN = sa.text(
    "parsed_status IS NULL OR parsed_status NOT IN"
    " ('closed', 'deleted', 'dismissed', 'partner_dismissed')"
)
IS_DUE = sa.text("remediations_due_at IS NOT NULL")


def upgrade() -> None:
    add_alert_columns()
    keep_words()
    link_assets()
    with op.batch_alter_table("connections", schema=None) as batch_op:
        batch_op.add_column(sa.Column("portal_template", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("relink_after_id", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("portal_checked_at", sa.DateTime(timezone=True), nullable=True)
        )
    op.add_column("poll_runs", sa.Column("recorded_reasons", sa.JSON(), nullable=True))
    note_listed_organizations()


def add_alert_columns() -> None:
    for name in ("details_pending", "open", "triggered_at"):
        op.drop_index(f"ix_alerts_{name}", "alerts")
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        for name in ("parsed_status", "parsed_severity"):
            batch_op.add_column(sa.Column(name, sa.String(length=WORD_LENGTH), nullable=True))
        batch_op.add_column(sa.Column("asset_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("all_remediations", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("remediations_due_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.create_foreign_key(
            op.f("fk_alerts_asset_id"), "assets", ["asset_id"], ["id"], ondelete="SET NULL"
        )
    op.execute("UPDATE alerts SET parsed_status = status, parsed_severity = severity")
    add_index("details_pending", ["connection_id"], where=IS_PENDING)
    add_index("open", ["connection_id", "observed_at"], where=IS_OPEN)
    add_index("remediations_due", ["connection_id", "remediations_due_at"], where=IS_DUE)
    add_index("triggered_at", ["triggered_at", "reason", "parsed_severity"])
    add_index("asset_id", ["asset_id"])


def add_index(name: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    op.create_index(
        f"ix_alerts_{name}", "alerts", columns, sqlite_where=where, postgresql_where=where
    )


def keep_words() -> None:
    """Status and severity were kept in lower case; the report still says how they were written."""
    connection = op.get_bind()
    last_id = 0
    while rows := connection.execute(
        sa.text(
            "SELECT id, status, severity, raw_report FROM alerts"
            " WHERE id > :last_id AND raw_report IS NOT NULL ORDER BY id LIMIT :size"
        ),
        {"last_id": last_id, "size": BATCH},
    ).all():
        changes = [
            {"id": row.id, "status": words[0], "severity": words[1]}
            for row in rows
            if (words := as_written(row)) != (row.status, row.severity)
        ]
        if changes:
            connection.execute(
                sa.text("UPDATE alerts SET status = :status, severity = :severity WHERE id = :id"),
                changes,
            )
        last_id = rows[-1].id


def as_written(row: sa.Row) -> tuple[str | None, str | None]:
    """The words of the report where they are those that were kept, but for their case."""
    try:
        report = json.loads(row.raw_report)
    except ValueError:
        report = None
    said = report if isinstance(report, dict) else {}
    return spelt(said.get("status"), row.status), spelt(said.get("severity"), row.severity)


def spelt(said: object, kept: str | None) -> str | None:
    word = " ".join(said.split()) if isinstance(said, str) else ""
    return word if word and word.lower() == kept and len(word) <= WORD_LENGTH else kept


def link_assets() -> None:
    """An incident is about the asset of its ticket, where that is only one."""
    op.execute(
        "UPDATE alerts SET asset_id ="
        " (SELECT min(asset_id) FROM ticket_assets WHERE ticket_id = alerts.ticket_id)"
        " WHERE ticket_id IN"
        " (SELECT ticket_id FROM ticket_assets GROUP BY ticket_id HAVING count(*) = 1)"
    )


def note_listed_organizations() -> None:
    """Only a list of organizations ever said how many agents one has."""
    op.add_column(
        "organization_mappings",
        sa.Column("is_listed", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute("UPDATE organization_mappings SET is_listed = true WHERE agents_count IS NOT NULL")
    op.execute("UPDATE organization_mappings SET gone_at = NULL WHERE agents_count IS NULL")
