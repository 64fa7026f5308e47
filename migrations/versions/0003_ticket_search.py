"""The words of tickets, comments and clients, searchable; indexes for the ticket list."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DESCRIPTION_LENGTH = 60_000
COMMENT_LENGTH = 20_000
COMMENTS_LENGTH = 120_000
"""How many characters are indexed of a description, a comment, and all comments of a ticket:
PostgreSQL refuses more than 1 MB of index for one ticket."""


def upgrade() -> None:
    create_indexes()
    statements = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for statement in statements:
        op.execute(sa.text(statement.replace(":", r"\:")))


def create_indexes() -> None:
    """For both tabs and every order; what is filtered by is in them, so that counting reads no
    tickets."""
    filters = [
        *("closed_at", "board_id", "client_id", "assignee_id", "status_id", "source"),
        *("is_unmapped", "first_touched_at"),
    ]
    for state, condition in (("open", "closed_at IS NULL"), ("closed", "closed_at IS NOT NULL")):
        for name, columns in (
            ("priority", ["priority_id", "created_at", "id", *filters]),
            ("updated", ["updated_at", "id"]),
        ):
            op.create_index(
                f"ix_tickets_{state}_{name}",
                "tickets",
                columns,
                sqlite_where=sa.text(condition),
                postgresql_where=sa.text(condition),
            )
    op.create_index(
        "ix_tickets_closed_created",
        "tickets",
        ["created_at", "id"],
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )


# SQLite: a full-text table whose rowid is the ticket's id.

SQLITE_COMMENTS = f"""
    SELECT group_concat(substr(body, 1, {COMMENT_LENGTH}), char(10))
    FROM comments WHERE ticket_id = {{ticket}}
"""
SQLITE_INSERT = f"""
    INSERT INTO ticket_search (rowid, ticket, client, comments)
    SELECT tickets.id,
        tickets.number || char(10) || tickets.title || char(10)
            || substr(tickets.description, 1, {DESCRIPTION_LENGTH}),
        clients.name,
        substr(({SQLITE_COMMENTS.format(ticket="tickets.id")}), 1, {COMMENTS_LENGTH})
    FROM tickets JOIN clients ON clients.id = tickets.client_id
"""
SQLITE = (
    """
    CREATE VIRTUAL TABLE ticket_search USING fts5(
        ticket, client, comments, tokenize = 'unicode61 remove_diacritics 0'
    )
    """,
    SQLITE_INSERT,
    f"""
    CREATE TRIGGER ticket_search_ticket_added AFTER INSERT ON tickets BEGIN
        {SQLITE_INSERT} WHERE tickets.id = new.id;
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_ticket_changed
    AFTER UPDATE OF number, title, description, client_id ON tickets BEGIN
        DELETE FROM ticket_search WHERE rowid = old.id;
        {SQLITE_INSERT} WHERE tickets.id = new.id;
    END
    """,
    """
    CREATE TRIGGER ticket_search_ticket_deleted AFTER DELETE ON tickets BEGIN
        DELETE FROM ticket_search WHERE rowid = old.id;
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_comment_added AFTER INSERT ON comments BEGIN
        UPDATE ticket_search
        SET comments = coalesce(comments || char(10), '')
            || substr(new.body, 1, {COMMENT_LENGTH})
        WHERE rowid = new.ticket_id
            AND length(coalesce(comments, '')) < {COMMENTS_LENGTH};
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_comment_changed AFTER UPDATE OF body, ticket_id ON comments BEGIN
        UPDATE ticket_search
        SET comments = substr(({SQLITE_COMMENTS.format(ticket="ticket_search.rowid")}),
            1, {COMMENTS_LENGTH})
        WHERE rowid IN (old.ticket_id, new.ticket_id);
    END
    """,
    f"""
    CREATE TRIGGER ticket_search_comment_deleted AFTER DELETE ON comments BEGIN
        UPDATE ticket_search
        SET comments = substr(({SQLITE_COMMENTS.format(ticket="ticket_search.rowid")}),
            1, {COMMENTS_LENGTH})
        WHERE rowid = old.ticket_id;
    END
    """,
    """
    CREATE TRIGGER ticket_search_client_renamed AFTER UPDATE OF name ON clients BEGIN
        UPDATE ticket_search SET client = new.name
        WHERE rowid IN (SELECT id FROM tickets WHERE client_id = new.id);
    END
    """,
)

# PostgreSQL: a table beside the tickets. Punctuation is taken out first: PostgreSQL would keep
# addresses and host names whole, and nobody could find them by a part.

PUNCTUATION = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"
BLANKS = " " * (len(PUNCTUATION) - 1)  # the apostrophe is doubled
POSTGRESQL = (
    f"""
    CREATE FUNCTION ticket_search_words(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple', translate(words, '{PUNCTUATION}', '{BLANKS}'))
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
            ticket_search_words(tickets.number || ' ' || tickets.title || ' '
                || left(tickets.description, {DESCRIPTION_LENGTH}))
            || ticket_search_words(clients.name)
            || ticket_search_words(coalesce(written.bodies, '')),
            coalesce(length(written.bodies), 0)
        FROM tickets
        JOIN clients ON clients.id = tickets.client_id
        LEFT JOIN LATERAL (
            SELECT left(string_agg(left(body, {COMMENT_LENGTH}), ' ' ORDER BY comments.id),
                {COMMENTS_LENGTH}) AS bodies
            FROM comments WHERE comments.ticket_id = tickets.id
        ) AS written ON true
        WHERE wanted IS NULL OR tickets.id = ANY (wanted)
        ON CONFLICT (ticket_id) DO UPDATE
        SET words = excluded.words, comments_length = excluded.comments_length
    $$
    """,
    "SELECT ticket_search_fill(NULL)",
    "CREATE INDEX ix_ticket_search_words ON ticket_search USING gin (words)",
    """
    CREATE FUNCTION ticket_search_tickets() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill((SELECT array_agg(id) FROM new_rows));
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
    AFTER UPDATE OF number, title, description, client_id ON tickets
    FOR EACH ROW WHEN (
        (OLD.number, OLD.title, OLD.description, OLD.client_id)
        IS DISTINCT FROM (NEW.number, NEW.title, NEW.description, NEW.client_id)
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
    CREATE FUNCTION ticket_search_comments_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM ticket_search_fill(ARRAY[OLD.ticket_id]);
        IF TG_OP = 'UPDATE' THEN
            PERFORM ticket_search_fill(ARRAY[NEW.ticket_id]);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ticket_search_comment_changed
    AFTER UPDATE OF body, ticket_id OR DELETE ON comments
    FOR EACH ROW EXECUTE FUNCTION ticket_search_comments_changed()
    """,
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
)
