"""The audit log, its chain, its prunings and its seals are only ever added to; triggers see to it.

Allowed is what retention and erasure need: links that a pruning covers may be deleted, and events
that belong to such links; details may be erased together with their salt, and a seal may note once
that it was sent. A pruning ends at a link that is not the newest one, and none of the events up to
it is younger than retention may ever take: by the database's own clock, whatever a statement says.

A later migration that makes one of these tables anew on SQLite (a batch of Alembic) has to drop the
triggers before and make them again: webapp/services/audit_trail/missing_triggers.py lists them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bind = op.get_bind()
    for statement in SQLITE if bind.dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))
    if bind.dialect.name != "sqlite":
        schema = bind.scalar(sa.text("SELECT quote_ident(current_schema())"))
        for name in GUARDED:
            op.execute(f"ALTER FUNCTION {name}_stay() SET search_path = {schema}, pg_temp")


GUARDED = ("audit_events", "audit_chain", "audit_prunings", "audit_seals")
EVENTS_STAY = "events of the audit log are never changed, and deleted only by retention"
LINKS_STAY = "links of the audit chain are never changed, and deleted only by retention"
PRUNINGS_STAY = "prunings of the audit log are never changed or deleted, and end at a link"
SEALS_STAY = "seals of the audit log are never changed or deleted"

FIXED_OF_EVENTS = (
    *("id", "happened_at", "actor_id", "action", "subject_type", "subject_id"),
    *("address", "session_ref", "device_ref"),
)
FIXED_OF_LINKS = ("position", "event_id", "details_digest", "hash", "chained_at")
FIXED_OF_SEALS = ("id", "day", "position", "hash", "sealed_at")

# SQLite. REPLACE deletes rows without telling delete triggers, so an id that is taken is refused
# before the insertion; a negative id could stand in the way of every later check.


def _same(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"old.{column} IS new.{column}" for column in columns)


def _refuse(words: str) -> str:
    return f"SELECT RAISE(ABORT, '{words}');"


PRUNED_EVENT = """
    EXISTS (
        SELECT 1 FROM audit_chain
        JOIN audit_prunings ON audit_prunings.position >= audit_chain.position
        WHERE audit_chain.event_id = old.id
    )
"""
PRUNED_LINK = "EXISTS (SELECT 1 FROM audit_prunings WHERE position >= old.position)"
FITS_NO_MORE = """
    (new.position < 1 OR EXISTS (SELECT 1 FROM audit_prunings WHERE position >= new.position))
"""


def _ends_at_an_old_link(youngest: str) -> str:
    """Whether a pruning ends where it says, before the newest link and after old events alone."""
    return f"""
        EXISTS (SELECT 1 FROM audit_chain WHERE position = new.position AND hash = new.hash)
        AND EXISTS (SELECT 1 FROM audit_chain WHERE position > new.position)
        AND new.through_event_id = (
            SELECT max(event_id) FROM audit_chain WHERE position <= new.position
        )
        AND NOT EXISTS (
            SELECT 1 FROM audit_chain
            JOIN audit_events ON audit_events.id = audit_chain.event_id
            WHERE audit_chain.position <= new.position AND audit_events.happened_at > {youngest}
        )
    """


SQLITE = (
    f"""
    CREATE TRIGGER audit_events_added BEFORE INSERT ON audit_events
    WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = new.id)
    BEGIN {_refuse(EVENTS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_events_numbered AFTER INSERT ON audit_events WHEN new.id < 1
    BEGIN {_refuse(EVENTS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_events_changed BEFORE UPDATE ON audit_events
    WHEN NOT (
        old.redacted_at IS NULL AND new.redacted_at IS NOT NULL
        AND new."before" IS NULL AND new.after IS NULL AND {_same(FIXED_OF_EVENTS)}
    )
    BEGIN {_refuse(EVENTS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_events_deleted BEFORE DELETE ON audit_events WHEN NOT {PRUNED_EVENT}
    BEGIN {_refuse(EVENTS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_chain_added BEFORE INSERT ON audit_chain
    WHEN {FITS_NO_MORE} OR EXISTS (
        SELECT 1 FROM audit_chain WHERE position = new.position OR event_id = new.event_id
    )
    BEGIN {_refuse(LINKS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_chain_changed BEFORE UPDATE ON audit_chain
    WHEN NOT (
        old.details_salt IS NOT NULL AND new.details_salt IS NULL AND {_same(FIXED_OF_LINKS)}
        AND EXISTS (
            SELECT 1 FROM audit_events WHERE id = old.event_id AND redacted_at IS NOT NULL
        )
    )
    BEGIN {_refuse(LINKS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_chain_deleted BEFORE DELETE ON audit_chain WHEN NOT {PRUNED_LINK}
    BEGIN {_refuse(LINKS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_prunings_added BEFORE INSERT ON audit_prunings
    WHEN NOT ({_ends_at_an_old_link("datetime('now', '-90 days')")})
        OR EXISTS (SELECT 1 FROM audit_prunings WHERE id = new.id)
    BEGIN {_refuse(PRUNINGS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_prunings_changed BEFORE UPDATE ON audit_prunings
    BEGIN {_refuse(PRUNINGS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_prunings_deleted BEFORE DELETE ON audit_prunings
    BEGIN {_refuse(PRUNINGS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_seals_added BEFORE INSERT ON audit_seals
    WHEN EXISTS (SELECT 1 FROM audit_seals WHERE id = new.id OR day = new.day)
    BEGIN {_refuse(SEALS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_seals_changed BEFORE UPDATE ON audit_seals
    WHEN NOT (old.sent_at IS NULL AND {_same(FIXED_OF_SEALS)})
    BEGIN {_refuse(SEALS_STAY)} END
    """,
    f"""
    CREATE TRIGGER audit_seals_deleted BEFORE DELETE ON audit_seals
    BEGIN {_refuse(SEALS_STAY)} END
    """,
)

# PostgreSQL. TRUNCATE tells no row triggers, so each table has one for the statement as well. The
# functions look into our own schema alone: a temporary table of the same name would come first.


def _function(name: str, words: str, changed: str, deleted: str, added: str = "true") -> str:
    """What a table's triggers call; each condition says what is allowed."""
    return f"""
    CREATE FUNCTION {name}_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF {added} THEN RETURN NEW; END IF;
        ELSIF TG_OP = 'UPDATE' THEN
            IF {changed} THEN RETURN NEW; END IF;
        ELSIF TG_OP = 'DELETE' THEN
            IF {deleted} THEN RETURN OLD; END IF;
        END IF;
        RAISE EXCEPTION '{words}' USING ERRCODE = 'restrict_violation';
    END $$
    """


def _triggers(name: str) -> tuple[str, ...]:
    return (
        f"""
        CREATE TRIGGER {name}_rows BEFORE INSERT OR UPDATE OR DELETE ON {name}
        FOR EACH ROW EXECUTE FUNCTION {name}_stay()
        """,
        f"""
        CREATE TRIGGER {name}_emptied BEFORE TRUNCATE ON {name}
        FOR EACH STATEMENT EXECUTE FUNCTION {name}_stay()
        """,
    )


def _unchanged(columns: tuple[str, ...]) -> str:
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"ROW({old}) IS NOT DISTINCT FROM ROW({new})"


POSTGRESQL = (
    _function(
        "audit_events",
        EVENTS_STAY,
        changed=f"""OLD.redacted_at IS NULL AND NEW.redacted_at IS NOT NULL
            AND NEW."before" IS NULL AND NEW.after IS NULL AND {_unchanged(FIXED_OF_EVENTS)}""",
        deleted=PRUNED_EVENT,
    ),
    *_triggers("audit_events"),
    _function(
        "audit_chain",
        LINKS_STAY,
        changed=f"""OLD.details_salt IS NOT NULL AND NEW.details_salt IS NULL
            AND {_unchanged(FIXED_OF_LINKS)}
            AND EXISTS (
                SELECT 1 FROM audit_events WHERE id = OLD.event_id AND redacted_at IS NOT NULL
            )""",
        deleted=PRUNED_LINK,
        added=f"NOT {FITS_NO_MORE}",
    ),
    *_triggers("audit_chain"),
    _function(
        "audit_prunings",
        PRUNINGS_STAY,
        changed="false",
        deleted="false",
        added=_ends_at_an_old_link("clock_timestamp() - interval '90 days'"),
    ),
    *_triggers("audit_prunings"),
    _function(
        "audit_seals",
        SEALS_STAY,
        changed=f"OLD.sent_at IS NULL AND {_unchanged(FIXED_OF_SEALS)}",
        deleted="false",
    ),
    *_triggers("audit_seals"),
)
