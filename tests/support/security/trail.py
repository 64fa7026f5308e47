"""Events of the audit log for tests, and ways to tamper with them behind the product's back."""

from datetime import datetime

from sqlalchemy import text

from webapp import clock
from webapp.extensions import db
from webapp.models import AuditEvent
from webapp.services.audit import record_event
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.transactions import transaction

TABLES = ("audit_events", "audit_chain", "audit_prunings", "audit_seals")


def add_events(count: int, *, happened_at: datetime | None = None, **values: object) -> list[int]:
    """Add events and return their ids; each has details of its own."""
    with transaction() as session:
        events = []
        for number in range(count):
            event = record_event(
                session,
                **{
                    "action": "thing.changed",
                    "subject_type": "thing",
                    "subject_id": number,
                    "before": {"name": f"old {number}"},
                    "after": {"name": f"new {number}", "größe": 1.5},
                    **values,
                },  # type: ignore[arg-type]
            )
            event.happened_at = happened_at or clock.utcnow()
            events.append(event)
        session.flush()
        return [event.id for event in events]


def chained(count: int, **values: object) -> list[int]:
    """Add events and chain them."""
    ids = add_events(count, **values)  # type: ignore[arg-type]
    chain_events(clock.utcnow(), is_thorough=True)
    return ids


def tamper(*statements: str) -> None:
    """Run SQL as somebody would who may do anything with the database: past the triggers."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            triggers = connection.execute(
                text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            ).all()
            ours = [(name, sql) for name, sql in triggers if name.startswith("audit_")]
            for name, _ in ours:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            connection.exec_driver_sql(statement)
        if connection.dialect.name == "sqlite":
            for _, sql in ours:
                connection.exec_driver_sql(sql)


def event_count() -> int:
    """How many events there are."""
    with transaction() as session:
        return session.query(AuditEvent).count()
