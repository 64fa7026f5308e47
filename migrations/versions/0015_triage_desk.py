"""The triage desk: links, indicators, runbooks, watching, attachments, clocks."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables()
    add_columns()
    fill_columns()
    create_indexes()


def create_tables() -> None:
    op.create_table(
        "attachment_contents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("picture_type", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_attachment_contents")),
    )
    op.create_table(
        "canned_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_notes")),
        sa.UniqueConstraint("name", name=op.f("uq_canned_notes_name")),
    )
    op.create_table(
        "opening_hours",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_opening_hours_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_hours")),
    )
    op.create_table(
        "runbooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("severities", sa.JSON(), nullable=False),
        sa.Column("platforms", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runbooks")),
        sa.UniqueConstraint("key", name=op.f("uq_runbooks_key")),
        sa.UniqueConstraint("name", name=op.f("uq_runbooks_name")),
    )
    op.create_table(
        "runbook_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("runbook_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"],
            ["users.id"],
            name=op.f("fk_runbook_versions_author_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["runbook_id"],
            ["runbooks.id"],
            name=op.f("fk_runbook_versions_runbook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runbook_versions")),
        sa.UniqueConstraint(
            "runbook_id", "version", name=op.f("uq_runbook_versions_runbook_id_version")
        ),
    )
    op.create_index(
        op.f("ix_runbook_versions_author_id"), "runbook_versions", ["author_id"], unique=False
    )
    op.create_table(
        "time_targets",
        sa.Column("priority_id", sa.Integer(), nullable=False),
        sa.Column("touch_minutes", sa.Integer(), nullable=True),
        sa.Column("close_minutes", sa.Integer(), nullable=True),
        sa.Column("is_around_the_clock", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["priority_id"],
            ["priorities.id"],
            name=op.f("fk_time_targets_priority_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("priority_id", name=op.f("pk_time_targets")),
    )
    op.create_table(
        "indicators",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_indicators_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicators")),
    )
    op.create_index("ix_indicators_key", "indicators", ["key", "ticket_id"], unique=False)
    op.create_index(op.f("ix_indicators_ticket_id"), "indicators", ["ticket_id"], unique=False)
    op.create_table(
        "ticket_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_ticket_links_two_tickets")),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["users.id"],
            name=op.f("fk_ticket_links_created_by_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["from_id"], ["tickets.id"], name=op.f("fk_ticket_links_from_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["to_id"], ["tickets.id"], name=op.f("fk_ticket_links_to_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_links")),
        sa.UniqueConstraint(
            "from_id", "to_id", "kind", name=op.f("uq_ticket_links_from_id_to_id_kind")
        ),
    )
    op.create_index(
        op.f("ix_ticket_links_created_by_id"), "ticket_links", ["created_by_id"], unique=False
    )
    op.create_index(op.f("ix_ticket_links_to_id"), "ticket_links", ["to_id"], unique=False)
    op.create_table(
        "ticket_runbooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("runbook_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["runbook_id"],
            ["runbooks.id"],
            name=op.f("fk_ticket_runbooks_runbook_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_runbooks_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_runbooks")),
        sa.UniqueConstraint(
            "ticket_id", "runbook_id", name=op.f("uq_ticket_runbooks_ticket_id_runbook_id")
        ),
    )
    op.create_index(
        op.f("ix_ticket_runbooks_runbook_id"), "ticket_runbooks", ["runbook_id"], unique=False
    )
    op.create_table(
        "ticket_watchers",
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_watchers_ticket_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_ticket_watchers_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "user_id", name=op.f("pk_ticket_watchers")),
    )
    op.create_index(
        op.f("ix_ticket_watchers_user_id"), "ticket_watchers", ["user_id"], unique=False
    )
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_attachments_author_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["comments.id"],
            name=op.f("fk_attachments_comment_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["attachment_contents.sha256"],
            name=op.f("fk_attachments_sha256"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_attachments_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index(op.f("ix_attachments_author_id"), "attachments", ["author_id"], unique=False)
    op.create_index(op.f("ix_attachments_comment_id"), "attachments", ["comment_id"], unique=False)
    op.create_index(op.f("ix_attachments_sha256"), "attachments", ["sha256"], unique=False)
    op.create_index(op.f("ix_attachments_ticket_id"), "attachments", ["ticket_id"], unique=False)
    op.create_table(
        "bell_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["users.id"], name=op.f("fk_bell_items_actor_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["comments.id"],
            name=op.f("fk_bell_items_comment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_bell_items_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_bell_items_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bell_items")),
    )
    op.create_index(op.f("ix_bell_items_actor_id"), "bell_items", ["actor_id"], unique=False)
    op.create_index(op.f("ix_bell_items_comment_id"), "bell_items", ["comment_id"], unique=False)
    op.create_index(op.f("ix_bell_items_created_at"), "bell_items", ["created_at"], unique=False)
    op.create_index(op.f("ix_bell_items_ticket_id"), "bell_items", ["ticket_id"], unique=False)
    op.create_index(
        "ix_bell_items_user_id", "bell_items", ["user_id", "read_at", "id"], unique=False
    )
    op.create_table(
        "comment_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["comments.id"],
            name=op.f("fk_comment_versions_comment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment_versions")),
    )
    op.create_index(
        op.f("ix_comment_versions_comment_id"), "comment_versions", ["comment_id"], unique=False
    )
    op.create_table(
        "ticket_steps",
        sa.Column("ticket_runbook_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["done_by_id"],
            ["users.id"],
            name=op.f("fk_ticket_steps_done_by_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["ticket_runbook_id"],
            ["ticket_runbooks.id"],
            name=op.f("fk_ticket_steps_ticket_runbook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_runbook_id", "position", name=op.f("pk_ticket_steps")),
    )
    op.create_index(
        op.f("ix_ticket_steps_done_by_id"), "ticket_steps", ["done_by_id"], unique=False
    )


def add_columns() -> None:
    op.add_column("alerts", sa.Column("kinds", sa.JSON(), nullable=True))
    op.add_column("alerts", sa.Column("steps_total", sa.Integer(), nullable=True))
    op.add_column("alerts", sa.Column("steps_left", sa.Integer(), nullable=True))
    op.add_column("alerts", sa.Column("is_isolated", sa.Boolean(), nullable=True))
    op.add_column(
        "alerts",
        sa.Column("facts_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("comments", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("comments", sa.Column("bulk_change_id", sa.Integer(), nullable=True))
    op.add_column("comments", sa.Column("details", sa.JSON(), nullable=True))
    op.add_column("sessions", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "tickets", sa.Column("untouched_since", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("tickets", sa.Column("waiting_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("raised_severity", sa.String(length=60), nullable=True))
    op.add_column("tickets", sa.Column("subject_name", sa.String(length=255), nullable=True))
    op.add_column("tickets", sa.Column("subject_key", sa.String(length=270), nullable=True))
    op.add_column("tickets", sa.Column("subject_user", sa.String(length=255), nullable=True))
    op.add_column("tickets", sa.Column("close_reason", sa.String(length=30), nullable=True))
    op.add_column("tickets", sa.Column("touch_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("close_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("list_settings", sa.JSON(), nullable=True))
    op.add_column("users", sa.Column("live_settings", sa.JSON(), nullable=True))


def fill_columns() -> None:
    """The age of a ticket counts from when its incident was sent, but never from the future."""
    op.execute(
        """
        UPDATE tickets SET reported_at = coalesce(
            (
                SELECT min(alerts.triggered_at) FROM alerts
                WHERE alerts.ticket_id = tickets.id AND alerts.triggered_at <= tickets.created_at
            ),
            created_at
        )
        """
    )
    op.execute("UPDATE tickets SET untouched_since = created_at WHERE first_touched_at IS NULL")


def create_indexes() -> None:
    op.drop_index(
        op.f("ix_tickets_closed_created"),
        table_name="tickets",
        sqlite_where=sa.text("closed_at IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_tickets_closed_priority"),
        table_name="tickets",
        sqlite_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_closed_priority",
        "tickets",
        [
            "priority_id",
            "reported_at",
            "id",
            "closed_at",
            "board_id",
            "client_id",
            "assignee_id",
            "status_id",
            "source",
            "is_unmapped",
            "untouched_since",
        ],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_tickets_open"), table_name="tickets", sqlite_where=sa.text("closed_at IS NULL")
    )
    op.create_index(
        "ix_tickets_open",
        "tickets",
        [
            "reported_at",
            "id",
            "priority_id",
            "untouched_since",
            "assignee_id",
            "board_id",
            "is_unmapped",
        ],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(
        op.f("ix_tickets_open_priority"),
        table_name="tickets",
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_tickets_open_priority",
        "tickets",
        [
            "priority_id",
            "reported_at",
            "id",
            "closed_at",
            "board_id",
            "client_id",
            "assignee_id",
            "status_id",
            "source",
            "is_unmapped",
            "untouched_since",
        ],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_tickets_closed_reported",
        "tickets",
        ["reported_at", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_alerts_facts_version",
        "alerts",
        ["connection_id", "facts_version", "id"],
        unique=False,
    )
    op.create_index(
        "ix_tickets_due_at",
        "tickets",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL AND closed_at IS NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "ix_tickets_raised_severity",
        "tickets",
        ["raised_severity", "id"],
        unique=False,
        sqlite_where=sa.text("raised_severity IS NOT NULL AND closed_at IS NULL"),
        postgresql_where=sa.text("raised_severity IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "ix_tickets_subject_key",
        "tickets",
        ["subject_key", "id"],
        unique=False,
        sqlite_where=sa.text("subject_key IS NOT NULL"),
        postgresql_where=sa.text("subject_key IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_without_reference",
        "tickets",
        ["priority_id", "reported_at", "id", "closed_at"],
        unique=False,
        sqlite_where=sa.text("external_reference IS NULL"),
        postgresql_where=sa.text("external_reference IS NULL"),
    )
    op.create_index(
        "ix_tickets_waiting_until",
        "tickets",
        ["waiting_until"],
        unique=False,
        sqlite_where=sa.text("waiting_until IS NOT NULL"),
        postgresql_where=sa.text("waiting_until IS NOT NULL"),
    )
