"""The triage desk: links, indicators, runbooks, watching, attachments, clocks."""

import re

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
    fill_texts()
    create_indexes()
    rebuild_search()
    insert_canned_notes()


def create_tables() -> None:
    op.create_table(
        "attachment_contents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("picture_type", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_attachment_contents")),
    )
    op.create_table(
        "attachment_chunks",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["attachment_contents.sha256"],
            name=op.f("fk_attachment_chunks_sha256"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sha256", "position", name=op.f("pk_attachment_chunks")),
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
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recomputed_to", sa.Integer(), nullable=True),
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
        sa.Column("changes", sa.Integer(), server_default=sa.text("1"), nullable=False),
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
    op.add_column("alerts", sa.Column("report_text", sa.Text(), nullable=True))
    op.add_column("comments", sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("comments", sa.Column("bulk_change_id", sa.Integer(), nullable=True))
    op.add_column("comments", sa.Column("details", sa.JSON(), nullable=True))
    for name in ("tells_mentions", "tells_watched"):
        op.add_column(
            "notification_targets",
            sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    op.add_column("sessions", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "tickets", sa.Column("untouched_since", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("tickets", sa.Column("waiting_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("waiting_reason", sa.String(length=200), nullable=True))
    op.add_column("tickets", sa.Column("waits", sa.JSON(), nullable=True))
    op.add_column("tickets", sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("raised_severity", sa.String(length=60), nullable=True))
    op.add_column("tickets", sa.Column("subject_name", sa.String(length=255), nullable=True))
    op.add_column("tickets", sa.Column("subject_key", sa.String(length=270), nullable=True))
    op.add_column("tickets", sa.Column("subject_user", sa.String(length=255), nullable=True))
    op.add_column("tickets", sa.Column("close_reason", sa.String(length=30), nullable=True))
    op.add_column("tickets", sa.Column("touch_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("close_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("clock_tells_at", sa.DateTime(timezone=True), nullable=True))
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


def fill_texts() -> None:
    """What a machine wrote is told from what people wrote, whose backslashes are no escapes."""
    op.execute(
        "UPDATE notification_targets SET tells_mentions = true"
        " WHERE kind = 'email' AND user_id IS NOT NULL"
    )
    op.execute(
        """
        UPDATE comments SET details = '{"is_machine_written": true}'
        WHERE author_id IS NOT NULL AND kind = 'internal_note'
        AND body LIKE 'Moved off triage: the Huntress organization %'
        """
    )
    tickets = sa.table(
        "tickets",
        *(sa.column(name) for name in ("id", "source", "description", "text_edited_by_person_at")),
    )
    is_edited = (tickets.c.source == "huntress") & tickets.c.text_edited_by_person_at.is_not(None)
    connection = op.get_bind()
    for key in connection.scalars(sa.select(tickets.c.id).where(is_edited)).all():
        its = tickets.c.id == key
        text = connection.scalar(sa.select(tickets.c.description).where(its))
        connection.execute(sa.update(tickets).where(its).values(description=without_escapes(text)))


def without_escapes(text: str) -> str:
    """Markdown with backslashes as escapes, as text in which they are backslashes.

    Code has no escapes. Brackets that were escaped must not become a link.
    """
    parts = re.split(r"(?ms)(^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\2|\Z))", text)
    plain = [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _apart(part)) for part in parts[::3]]
    return "".join(
        one + (parts[3 * place + 1] if 3 * place + 1 < len(parts) else "")
        for place, one in enumerate(plain)
    )


def _apart(text: str) -> str:
    return text.replace("\\](", "\\] (").replace("\\<http", "\\< http")


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
        "ix_comments_duplicate_note",
        "comments",
        ["ticket_id"],
        unique=False,
        sqlite_where=sa.text("kind = 'duplicate_note'"),
        postgresql_where=sa.text("kind = 'duplicate_note'"),
    )
    op.create_index(
        "ix_tickets_open_client",
        "tickets",
        ["client_id", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_alerts_facts_version",
        "alerts",
        ["connection_id", "facts_version", "id"],
        unique=False,
    )
    op.drop_index("ix_tickets_created_at", table_name="tickets")
    op.create_index(
        "ix_tickets_created_at",
        "tickets",
        ["created_at", "id", "untouched_since", "closed_at"],
        unique=False,
    )
    op.create_index(
        "ix_tickets_due_at",
        "tickets",
        ["due_at", "id", "closed_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_clock_tells_at",
        "tickets",
        ["clock_tells_at"],
        unique=False,
        sqlite_where=sa.text("clock_tells_at IS NOT NULL"),
        postgresql_where=sa.text("clock_tells_at IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_close_reason",
        "tickets",
        ["close_reason", "updated_at", "id"],
        unique=False,
        sqlite_where=sa.text("close_reason IS NOT NULL"),
        postgresql_where=sa.text("close_reason IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_external_reference",
        "tickets",
        ["external_reference", "id"],
        unique=False,
        sqlite_where=sa.text("external_reference IS NOT NULL"),
        postgresql_where=sa.text("external_reference IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_raised_severity",
        "tickets",
        ["raised_severity", "id", "closed_at"],
        unique=False,
        sqlite_where=sa.text("raised_severity IS NOT NULL"),
        postgresql_where=sa.text("raised_severity IS NOT NULL"),
    )
    op.create_index(
        "ix_tickets_subject_key",
        "tickets",
        ["subject_key", "client_id", "id"],
        unique=False,
        sqlite_where=sa.text("subject_key IS NOT NULL"),
        postgresql_where=sa.text("subject_key IS NOT NULL"),
    )
    is_open = sa.text(
        "parsed_status IS NULL OR parsed_status NOT IN"
        " ('closed', 'deleted', 'dismissed', 'partner_dismissed')"
    )
    op.drop_index("ix_alerts_open", table_name="alerts")
    op.create_index(
        "ix_alerts_open",
        "alerts",
        ["connection_id", "observed_at", "ticket_id", "parsed_status", "is_drill"],
        unique=False,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.drop_index("ix_alerts_ticket_id", table_name="alerts")
    op.create_index(
        "ix_alerts_ticket_id",
        "alerts",
        ["ticket_id", "triggered_at", "connection_id", "parsed_severity", "was_closed"],
        unique=False,
    )
    op.create_index(
        "ix_alerts_unticketed",
        "alerts",
        ["parsed_status", "is_drill", "ticket_id"],
        unique=False,
        sqlite_where=sa.text("ticket_id IS NULL"),
        postgresql_where=sa.text("ticket_id IS NULL"),
    )
    op.create_index(
        "ix_tickets_untouched",
        "tickets",
        ["priority_id", "reported_at", "id", "raised_severity", "untouched_since", "closed_at"],
        unique=False,
        sqlite_where=sa.text("untouched_since IS NOT NULL AND closed_at IS NULL"),
        postgresql_where=sa.text("untouched_since IS NOT NULL AND closed_at IS NULL"),
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


# The search index is built anew, with more in it, and without accents. One statement reads every
# ticket once.


def rebuild_search() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_SEARCH if is_sqlite else POSTGRESQL_SEARCH:
        op.execute(sa.text(statement.replace(":", r"\:")))


DESCRIPTION_LENGTH = 60_000
COMMENT_LENGTH = 20_000
COMMENTS_LENGTH = 100_000
REPORT_LENGTH = 40_000
VALUES_LENGTH = 10_000
"""How many characters are indexed of a description, a comment, all comments of a ticket, its
report, and its indicators or names of files: PostgreSQL refuses more than 1 MB for one ticket."""

LETTERS = (
    *(("ł", "l"), ("Ł", "l"), ("ø", "o"), ("Ø", "o"), ("đ", "d"), ("Đ", "d"), ("ð", "d")),
    *(("Ð", "d"), ("ħ", "h"), ("Ħ", "h"), ("ŧ", "t"), ("Ŧ", "t"), ("ı", "i"), ("ß", "ss")),
    *(("ẞ", "ss"), ("æ", "ae"), ("Æ", "ae"), ("œ", "oe"), ("Œ", "oe"), ("þ", "th"), ("Þ", "th")),
)
"""Letters that are no other letter with an accent; see domain.searching.fold_letters."""


# SQLite: its tokenizer takes accents off, and ignores case.


def sqlite_folded(words):
    """SQL for `words` with all LETTERS as plain ones."""
    folded = "w"
    for letter, plain in LETTERS:
        folded = f"replace({folded}, '{letter}', '{plain}')"
    letters = "".join(letter for letter, _ in LETTERS)
    return (
        f"(SELECT CASE WHEN w GLOB '*[{letters}]*' THEN {folded} ELSE w END"
        f" FROM (SELECT {words} AS w))"
    )


SQLITE_PARTS = {
    "ticket": f"""(
        SELECT number || char(10) || title || char(10) || coalesce(external_reference, '')
            || char(10) || substr(description, 1, {DESCRIPTION_LENGTH})
        FROM tickets AS one WHERE one.id = {{ticket}}
    )""",
    "client": """(
        SELECT clients.name FROM tickets AS one JOIN clients ON clients.id = one.client_id
        WHERE one.id = {ticket}
    )""",
    "subject": """(
        SELECT coalesce(subject_name, '') || char(10) || coalesce(subject_user, '')
        FROM tickets AS one WHERE one.id = {ticket}
    )""",
    "comments": f"""(
        SELECT substr(group_concat(substr(body, 1, {COMMENT_LENGTH}), char(10)),
            1, {COMMENTS_LENGTH})
        FROM comments WHERE ticket_id = {{ticket}}
    )""",
    "indicators": f"""(
        SELECT substr(group_concat(value, char(10)), 1, {VALUES_LENGTH})
        FROM indicators WHERE ticket_id = {{ticket}}
    )""",
    "files": f"""(
        SELECT substr(group_concat(name, char(10)), 1, {VALUES_LENGTH})
        FROM attachments WHERE ticket_id = {{ticket}}
    )""",
    "report": f"""(
        SELECT substr(group_concat(report_text, char(10)), 1, {REPORT_LENGTH})
        FROM alerts WHERE ticket_id = {{ticket}}
    )""",
}


def sqlite_part(name, ticket):
    """SQL for what the index has of one ticket in the column `name`."""
    return sqlite_folded(SQLITE_PARTS[name].format(ticket=ticket))


SQLITE_FILL = f"""
    INSERT INTO ticket_search (rowid, {", ".join(SQLITE_PARTS)})
    SELECT tickets.id, {", ".join(sqlite_part(name, "tickets.id") for name in SQLITE_PARTS)}
    FROM tickets
"""


def sqlite_follow(table, column, part, length):
    """Triggers for a table whose rows of a ticket are one column of the index."""
    value = sqlite_folded(f"substr(new.{column}, 1, {COMMENT_LENGTH})")
    again = f"UPDATE ticket_search SET {part} = {sqlite_part(part, 'ticket_search.rowid')}"
    return (
        f"""
        CREATE TRIGGER ticket_search_{part}_added AFTER INSERT ON {table}
        WHEN new.ticket_id IS NOT NULL AND new.{column} IS NOT NULL BEGIN
            UPDATE ticket_search SET {part} = coalesce({part} || char(10), '') || {value}
            WHERE rowid = new.ticket_id AND length(coalesce({part}, '')) < {length};
        END
        """,
        f"""
        CREATE TRIGGER ticket_search_{part}_changed AFTER UPDATE OF {column}, ticket_id ON {table}
        WHEN (old.{column} IS NOT new.{column} OR old.ticket_id IS NOT new.ticket_id) BEGIN
            {again} WHERE rowid IN (old.ticket_id, new.ticket_id);
        END
        """,
        f"""
        CREATE TRIGGER ticket_search_{part}_deleted AFTER DELETE ON {table}
        WHEN old.ticket_id IS NOT NULL AND old.{column} IS NOT NULL BEGIN
            {again} WHERE rowid = old.ticket_id;
        END
        """,
    )


SQLITE_SEARCH = (
    *(
        f"DROP TRIGGER ticket_search_{name}"
        for name in (
            *("ticket_added", "ticket_changed", "ticket_deleted", "comment_added"),
            *("comment_changed", "comment_deleted", "client_renamed"),
        )
    ),
    "DROP TABLE ticket_search",
    f"""
    CREATE VIRTUAL TABLE ticket_search USING fts5(
        {", ".join(SQLITE_PARTS)}, tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    SQLITE_FILL,
    f"""
    CREATE TRIGGER ticket_search_ticket_added AFTER INSERT ON tickets BEGIN
        {SQLITE_FILL} WHERE tickets.id = new.id;
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_ticket_changed
    AFTER UPDATE OF number, title, description, client_id, external_reference, subject_name,
        subject_user ON tickets
    WHEN (old.number, old.title, old.description, old.client_id, old.external_reference,
        old.subject_name, old.subject_user)
        IS NOT (new.number, new.title, new.description, new.client_id, new.external_reference,
        new.subject_name, new.subject_user) BEGIN
        UPDATE ticket_search SET
            {", ".join(f"{name} = {sqlite_part(name, 'new.id')}"
                       for name in ("ticket", "client", "subject"))}
        WHERE rowid = new.id;
    END
    """,
    """
    CREATE TRIGGER ticket_search_ticket_deleted AFTER DELETE ON tickets BEGIN
        DELETE FROM ticket_search WHERE rowid = old.id;
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_client_renamed AFTER UPDATE OF name ON clients
    WHEN old.name IS NOT new.name BEGIN
        UPDATE ticket_search SET client = {sqlite_folded("new.name")}
        WHERE rowid IN (SELECT id FROM tickets WHERE client_id = new.id);
    END
    """,
    *sqlite_follow("comments", "body", "comments", COMMENTS_LENGTH),
    *sqlite_follow("indicators", "value", "indicators", VALUES_LENGTH),
    *sqlite_follow("attachments", "name", "files", VALUES_LENGTH),
    *sqlite_follow("alerts", "report_text", "report", REPORT_LENGTH),
    """
    CREATE TRIGGER attachment_content_unused AFTER DELETE ON attachments BEGIN
        DELETE FROM attachment_contents WHERE sha256 = old.sha256
            AND NOT EXISTS (SELECT 1 FROM attachments WHERE sha256 = old.sha256);
    END
    """,
)


# PostgreSQL: letters are made plain and punctuation is taken out first, as PostgreSQL would keep
# addresses and host names whole, and nobody could find them by a part. Labels tell the parts of
# a ticket that can be asked for alone: A indicators, B host and account, C names of files.

SINGLE = [(letter, plain) for letter, plain in LETTERS if len(plain) == 1]
POSTGRESQL_FOLDED = f"""translate(
    normalize(regexp_replace(normalize(lower(words), NFD), '[\u0300-\u036f]+', '', 'g'), NFC),
    '{"".join(letter for letter, _ in SINGLE)}', '{"".join(plain for _, plain in SINGLE)}'
)"""
for letter, plain in LETTERS:
    if len(plain) > 1:
        POSTGRESQL_FOLDED = f"replace({POSTGRESQL_FOLDED}, '{letter}', '{plain}')"
PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"
BLANKS = " " * (len(PUNCTUATION) - 1)  # the apostrophe is doubled


def postgresql_joined(table, column, length):
    """SQL for what the rows of `table` say of a ticket."""
    return f"""coalesce((
        SELECT left(string_agg(left({column}, {COMMENT_LENGTH}), ' ' ORDER BY {table}.id), {length})
        FROM {table} WHERE {table}.ticket_id = tickets.id
    ), '')"""


POSTGRESQL_SEARCH = (
    "DROP TRIGGER ticket_search_ticket_added ON tickets",
    "DROP TRIGGER ticket_search_ticket_changed ON tickets",
    "DROP TRIGGER ticket_search_comment_added ON comments",
    "DROP TRIGGER ticket_search_comment_changed ON comments",
    "DROP TRIGGER ticket_search_client_renamed ON clients",
    "DROP FUNCTION ticket_search_tickets()",
    "DROP FUNCTION ticket_search_ticket()",
    "DROP FUNCTION ticket_search_comments_added()",
    "DROP FUNCTION ticket_search_comments_changed()",
    "DROP FUNCTION ticket_search_clients()",
    "DROP FUNCTION ticket_search_fill(integer[])",
    "DROP TABLE ticket_search",
    "DROP FUNCTION ticket_search_words(text)",
    f"""
    CREATE FUNCTION ticket_search_fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN octet_length(words) = length(words) THEN words ELSE {POSTGRESQL_FOLDED} END
    """,
    f"""
    CREATE FUNCTION ticket_search_words(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector(
        'simple', translate(ticket_search_fold(words), '{PUNCTUATION}', '{BLANKS}')
    )
    """,
    """
    CREATE TABLE ticket_search (
        ticket_id integer NOT NULL,
        words tsvector NOT NULL,
        comments_length integer NOT NULL,
        CONSTRAINT pk_ticket_search PRIMARY KEY (ticket_id),
        CONSTRAINT fk_ticket_search_ticket_id FOREIGN KEY (ticket_id)
            REFERENCES tickets (id) ON DELETE CASCADE
    )
    """,
    f"""
    CREATE FUNCTION ticket_search_fill(wanted integer[]) RETURNS void LANGUAGE sql AS $$
        INSERT INTO ticket_search (ticket_id, words, comments_length)
        SELECT tickets.id,
            setweight(ticket_search_words(
                coalesce(subject_name, '') || ' ' || coalesce(subject_user, '')), 'B')
            || setweight(ticket_search_words(
                {postgresql_joined("indicators", "value", VALUES_LENGTH)}), 'A')
            || setweight(ticket_search_words(
                {postgresql_joined("attachments", "name", VALUES_LENGTH)}), 'C')
            || ticket_search_words(number || ' ' || title || ' ' || clients.name || ' '
                || coalesce(tickets.external_reference, '') || ' '
                || left(description, {DESCRIPTION_LENGTH}))
            || ticket_search_words({postgresql_joined("alerts", "report_text", REPORT_LENGTH)})
            || ticket_search_words(written.bodies),
            length(written.bodies)
        FROM tickets
        JOIN clients ON clients.id = tickets.client_id
        CROSS JOIN LATERAL (
            SELECT {postgresql_joined("comments", "body", COMMENTS_LENGTH)} AS bodies
        ) AS written
        WHERE wanted IS NULL OR tickets.id = ANY (wanted)
        ON CONFLICT (ticket_id) DO UPDATE
        SET words = excluded.words, comments_length = excluded.comments_length
    $$
    """,
    "SELECT ticket_search_fill(NULL)",
    "CREATE INDEX ix_ticket_search_words ON ticket_search USING gin (words)",
    # The planner does not know what it costs to read long words, and would read those of all
    # tickets where most have the word that is looked for. In the index, that takes a hundredth.
    """
    CREATE FUNCTION ticket_search_find(query tsquery) RETURNS SETOF integer
    LANGUAGE sql STABLE ROWS 20000 SET enable_seqscan = off SET enable_indexscan = off AS $$
        SELECT ticket_id FROM ticket_search WHERE words @@ query
    $$
    """,
    """
    CREATE FUNCTION ticket_search_tickets() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill((SELECT coalesce(array_agg(id), '{}') FROM new_rows));
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_ticket_added AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ticket_search_tickets()
    """,
    """
    CREATE FUNCTION ticket_search_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill(ARRAY[NEW.id]);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_ticket_changed
    AFTER UPDATE OF number, title, description, client_id, external_reference, subject_name,
        subject_user ON tickets
    FOR EACH ROW WHEN (
        (OLD.number, OLD.title, OLD.description, OLD.client_id, OLD.external_reference,
            OLD.subject_name, OLD.subject_user)
        IS DISTINCT FROM (NEW.number, NEW.title, NEW.description, NEW.client_id,
            NEW.external_reference, NEW.subject_name, NEW.subject_user)
    ) EXECUTE FUNCTION ticket_search_ticket()
    """,
    f"""
    CREATE FUNCTION ticket_search_comments_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE ticket_search
        SET words = words || ticket_search_words(added.bodies),
            comments_length = comments_length + length(added.bodies)
        FROM (
            SELECT ticket_id,
                left(string_agg(left(body, {COMMENT_LENGTH}), ' '), {COMMENT_LENGTH}) AS bodies
            FROM new_rows GROUP BY ticket_id
        ) AS added
        WHERE ticket_search.ticket_id = added.ticket_id
            AND comments_length < {COMMENTS_LENGTH};
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_comment_added AFTER INSERT ON comments
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ticket_search_comments_added()
    """,
    """
    CREATE FUNCTION ticket_search_row_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill(ARRAY[OLD.ticket_id]);
        IF TG_OP = 'UPDATE' AND NEW.ticket_id IS DISTINCT FROM OLD.ticket_id THEN
            PERFORM ticket_search_fill(ARRAY[NEW.ticket_id]);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_comment_changed
    AFTER UPDATE OF body, ticket_id OR DELETE ON comments
    FOR EACH ROW EXECUTE FUNCTION ticket_search_row_changed()
    """,
    """
    CREATE TRIGGER ticket_search_alert_changed AFTER UPDATE OF report_text, ticket_id ON alerts
    FOR EACH ROW WHEN (
        (OLD.report_text, OLD.ticket_id) IS DISTINCT FROM (NEW.report_text, NEW.ticket_id)
        AND (OLD.report_text IS NOT NULL OR NEW.report_text IS NOT NULL)
    ) EXECUTE FUNCTION ticket_search_row_changed()
    """,
    """
    CREATE TRIGGER ticket_search_alert_deleted AFTER DELETE ON alerts
    FOR EACH ROW WHEN (OLD.report_text IS NOT NULL AND OLD.ticket_id IS NOT NULL)
    EXECUTE FUNCTION ticket_search_row_changed()
    """,
    """
    CREATE FUNCTION ticket_search_rows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill(
            (SELECT coalesce(array_agg(DISTINCT ticket_id), '{}') FROM changed_rows)
        );
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_alert_added AFTER INSERT ON alerts
    REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ticket_search_rows()
    """,
    *(
        f"""
        CREATE TRIGGER ticket_search_{table}_{name} AFTER {event} ON {table}
        REFERENCING {rows} TABLE AS changed_rows
        FOR EACH STATEMENT EXECUTE FUNCTION ticket_search_rows()
        """
        for table in ("indicators", "attachments")
        for name, event, rows in (
            ("added", "INSERT", "NEW"), ("changed", "UPDATE", "NEW"), ("deleted", "DELETE", "OLD")
        )
    ),
    """
    CREATE FUNCTION ticket_search_clients() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill(
            (SELECT coalesce(array_agg(id), '{}') FROM tickets WHERE client_id = NEW.id)
        );
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_client_renamed AFTER UPDATE OF name ON clients
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION ticket_search_clients()
    """,
    # A row that is locked is not deleted by the other transaction that just gave up its last file,
    # and the next statement sees what that one has written.
    """
    CREATE FUNCTION attachment_content_unused() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM attachment_contents WHERE sha256 = OLD.sha256 FOR UPDATE;
        DELETE FROM attachment_contents WHERE sha256 = OLD.sha256
            AND NOT EXISTS (SELECT 1 FROM attachments WHERE sha256 = OLD.sha256);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER attachment_content_unused AFTER DELETE ON attachments
    FOR EACH ROW EXECUTE FUNCTION attachment_content_unused()
    """,
)


CANNED_NOTES = (
    (
        "Client called, host stays isolated",
        "Called {client} about **{host}**. Spoke with: \n\n"
        "- {host} is isolated and stays so until we release it\n"
        "- they use nothing on it and do not switch it off\n"
        "- we call again at: ",
    ),
    (
        "Nobody reached",
        "Tried to reach {client} about {number} ({severity}).\n\n"
        "- called: \n- left a message: yes / no\n- next try at: ",
    ),
    (
        "Account locked",
        "{user}: sign-in blocked, all sessions ended.\n\n"
        "- told by phone: \n- new password set: \n- second factors checked: \n- mail rules checked: ",
    ),
    (
        "Known and allowed",
        "What was reported on {host} is known at {client}.\n\n"
        "- confirmed by: \n- why it is there: \n- what we do so that it is not reported again: ",
    ),
    (
        "Waiting for the client",
        "Asked {client} for: \n\nAsked whom, and how: \n\nWithout an answer we go on at: ",
    ),
    (
        "Handover",
        "Handed over by {my_name}.\n\n"
        "- done so far: \n- open: \n- waits for: \n- the incident at Huntress: {portal_link}",
    ),
    (
        "Done, in words for the client",
        "{organization}: the incident on {host} is over.\n\n"
        "- what happened: \n- what we did: \n- what is left to you: ",
    ),
)


def insert_canned_notes() -> None:
    """A new install has notes to start from; every row can be edited or deleted later."""
    table = sa.table("canned_notes", *(sa.column(name) for name in ("name", "body", "position")))
    op.bulk_insert(
        table,
        [
            {"name": name, "body": body, "position": position}
            for position, (name, body) in enumerate(CANNED_NOTES, 1)
        ],
    )
