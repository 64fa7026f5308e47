"""Incidents that cannot be processed, whatever the code does: the database refuses their alert.

Only complete alerts are refused, so that quarantining them works.
"""

from sqlalchemy import text

from webapp.services.transactions import transaction

_REFUSE = (
    "NOT NEW.is_incomplete AND EXISTS (SELECT 1 FROM poisoned WHERE id = NEW.external_alert_id)"
)

_SQLITE = [
    "CREATE TABLE poisoned (id TEXT PRIMARY KEY)",
    *(
        f"CREATE TRIGGER poison_{name} BEFORE {when} ON alerts WHEN {_REFUSE}"
        " BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
        for name, when in (("insert", "INSERT"), ("update", "UPDATE OF content_hash"))
    ),
]
_POSTGRESQL = [
    "CREATE TABLE poisoned (id TEXT PRIMARY KEY)",
    "CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN IF {_REFUSE} THEN RAISE EXCEPTION 'poisoned'; END IF; RETURN NEW; END $$",
    *(
        f"CREATE TRIGGER poison_{name} BEFORE {when} ON alerts"
        " FOR EACH ROW EXECUTE FUNCTION refuse_poison()"
        for name, when in (("insert", "INSERT"), ("update", "UPDATE OF content_hash"))
    ),
]


def install_poison() -> None:
    """Make the present app's database able to refuse incidents."""
    with transaction() as session:
        dialect = session.get_bind().dialect.name
        for statement in _SQLITE if dialect == "sqlite" else _POSTGRESQL:
            session.execute(text(statement))


def poison(incident_id: str) -> None:
    """From now on processing this incident fails."""
    with transaction() as session:
        session.execute(text("INSERT INTO poisoned (id) VALUES (:id)"), {"id": incident_id})


def cure_all() -> None:
    """Everything can be processed again."""
    with transaction() as session:
        session.execute(text("DELETE FROM poisoned"))
