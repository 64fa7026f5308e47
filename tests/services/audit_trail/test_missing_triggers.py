"""The triggers that guard the audit log: all are there after the migrations, and missed if not."""

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from sqlalchemy import String, text

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.security.trail import chained
from webapp.config import Config
from webapp.extensions import db
from webapp.services.audit_trail.missing_triggers import (
    POSTGRESQL_TRIGGERS,
    SQLITE_TRIGGERS,
    list_missing_triggers,
    missing_words,
)
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.operations.check_audit import check_audit
from webapp.services.transactions import reading
from webapp.services.watch.find_in_security import find_in_security


def missing() -> list[str]:
    with reading() as session:
        return list(list_missing_triggers(session))


def run(*statements: str) -> None:
    with db.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@both_databases
def test_the_migrations_leave_all_and_no_others(app: Flask) -> None:
    """Whoever makes an audit table anew in a migration makes its triggers anew."""
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        names = connection.scalars(
            text(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'"
                if is_sqlite
                else "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'audit%'"
            )
        ).all()
    assert sorted(names) == sorted(SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS)
    assert missing() == []


def test_a_table_that_was_made_anew_is_missed(app: Flask) -> None:
    """The others cannot be made anew at all while triggers of each other look into them."""
    with db.engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("audit_seals", recreate="always") as batch:
            batch.alter_column("hash", type_=String(80))
    assert missing() == ["audit_seals_added", "audit_seals_changed", "audit_seals_deleted"]


def test_one_of_the_same_name_elsewhere_is_none(app: Flask) -> None:
    run(
        "DROP TRIGGER audit_seals_deleted",
        "CREATE TRIGGER audit_seals_deleted BEFORE DELETE ON boards BEGIN SELECT 1; END",
    )
    assert missing() == ["audit_seals_deleted"]


@pytest.mark.parametrize("how", ["DISABLE", "ENABLE REPLICA"])
@both_databases
def test_one_that_is_gone_or_switched_off_is_told(
    app: Flask, config: Config, fake_clock: FakeClock, how: str
) -> None:
    chained(2)
    assert verify_chain().is_whole
    if db.engine.dialect.name == "sqlite":
        name = "audit_events_deleted"
        run(f"DROP TRIGGER {name}")
    else:
        name = "audit_events_rows"
        run(f"ALTER TABLE audit_events {how} TRIGGER {name}")
    sentence = f"The database no longer keeps the audit log from being changed: {name}."
    assert missing_words(missing()) == sentence
    assert verify_chain().problems == [sentence]
    with reading() as session:
        told = list(find_in_security(session, config, fake_clock.now()))
    assert [(one.kind.value, one.subject, one.sentence) for one in told] == [
        ("audit-tampered", "triggers", sentence)
    ]
    [check, _] = check_audit(config, fake_clock.now())
    assert (check.is_ok, check.detail) == (False, sentence)
