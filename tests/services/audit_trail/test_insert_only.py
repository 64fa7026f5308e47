"""Nothing that the application may say changes or deletes what the audit log holds."""

import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.security.trail import TABLES, chained, tamper
from webapp.extensions import db
from webapp.services.audit_trail.seal_chain import make_seal

ZEROS = "0" * 64
LONG_AGO, LONG_AFTER = -2_000, 10_000
"""Days to move the clock by, so that events are old or young by the database's own."""

PRUNE = (
    "INSERT INTO audit_prunings (through_event_id, position, hash, pruned_at)"
    " SELECT {event}, position, {hash}, chained_at FROM audit_chain WHERE position = {position}"
)
PRUNE_2 = PRUNE.format(event="event_id", hash="hash", position=2)
FORBIDDEN = [
    "UPDATE audit_events SET action = 'x'",
    "UPDATE audit_events SET actor_id = NULL, action = 'x' WHERE id = 1",
    "UPDATE audit_events SET happened_at = '2020-01-01 00:00:00+00'",
    "UPDATE audit_events SET before = NULL, after = NULL",
    "UPDATE audit_events SET after = NULL, redacted_at = '2026-06-09 12:00:00+00'",
    "UPDATE audit_events SET before = NULL, after = NULL, address = 'x',"
    " redacted_at = '2026-06-09 12:00:00+00'",
    "UPDATE audit_events SET redacted_at = NULL",
    "UPDATE audit_events SET id = 99 WHERE id = 1",
    "DELETE FROM audit_events",
    "DELETE FROM audit_events WHERE id = 1",
    "UPDATE audit_chain SET hash = 'x'",
    "UPDATE audit_chain SET details_salt = 'x'",
    "UPDATE audit_chain SET details_salt = NULL",  # its event keeps its details
    "DELETE FROM audit_chain WHERE position = 3",
    "INSERT INTO audit_prunings (through_event_id, position, hash, pruned_at)"
    f" VALUES (999, 999, '{ZEROS}', '2026-06-09 12:00:00+00')",
    "INSERT INTO audit_prunings (through_event_id, position, hash, pruned_at)"
    f" VALUES (999, 2, '{ZEROS}', '2026-06-09 12:00:00+00')",
    "UPDATE audit_seals SET hash = 'x'",
    "UPDATE audit_seals SET day = '2020-01-01', sent_at = '2026-06-09 12:00:00+00'",
    "DELETE FROM audit_seals",
]
ONLY_SQLITE = [
    "INSERT OR REPLACE INTO audit_events (id, happened_at, action, subject_type)"
    " VALUES (1, '2026-06-09 12:00:00', 'x', 'x')",
    "REPLACE INTO audit_events (rowid, happened_at, action, subject_type)"
    " VALUES (2, '2026-06-09 12:00:00', 'x', 'x')",
    "INSERT INTO audit_events (id, happened_at, action, subject_type)"
    " VALUES (-1, '2026-06-09 12:00:00', 'x', 'x')",
    "INSERT OR REPLACE INTO audit_chain VALUES (1, 99, 'x', 'x', 'x', '2026-06-09 12:00:00')",
    "INSERT OR REPLACE INTO audit_chain VALUES (99, 1, 'x', 'x', 'x', '2026-06-09 12:00:00')",
    "INSERT OR REPLACE INTO audit_seals (id, day, position, hash, sealed_at)"
    " SELECT 9, day, 1, 'x', sealed_at FROM audit_seals",
    "UPDATE OR REPLACE audit_events SET id = 2 WHERE id = 1",
]
ONLY_POSTGRESQL = [
    *(f"TRUNCATE {table}" for table in TABLES),
    "TRUNCATE users CASCADE",
    "INSERT INTO audit_events (id, happened_at, action, subject_type)"
    " VALUES (1, now(), 'x', 'x') ON CONFLICT (id) DO UPDATE SET action = 'x'",
]


@pytest.fixture
def trail(app: Flask, fake_clock: FakeClock) -> None:
    """Three events of years ago with their links, and a seal."""
    fake_clock.advance(days=LONG_AGO)
    chained(3)
    fake_clock.advance(days=1)
    assert make_seal(fake_clock.now()) is not None


def _rows() -> dict[str, list[object]]:
    with db.engine.connect() as connection:
        return {
            table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            for table in TABLES
        }


def _is_refused(statement: str) -> None:
    before = _rows()
    with pytest.raises(DatabaseError, match="audit"), db.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert _rows() == before


@both_databases
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_statement_of_the_application_is_refused(trail: None, statement: str) -> None:
    _is_refused(statement)


@pytest.mark.parametrize("statement", ONLY_SQLITE)
def test_sqlite_replaces_nothing(trail: None, statement: str) -> None:
    _is_refused(statement)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", ONLY_POSTGRESQL)
def test_postgresql_empties_and_replaces_nothing(trail: None, statement: str) -> None:
    _is_refused(statement)


@both_databases
def test_a_pruning_is_never_changed_or_deleted(trail: None) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(PRUNE_2)
    _is_refused("UPDATE audit_prunings SET position = 3")
    _is_refused("DELETE FROM audit_prunings")
    _is_refused("DELETE FROM audit_events WHERE id = 3")
    _is_refused("DELETE FROM audit_chain WHERE position = 3")
    _is_refused(PRUNE.format(event="event_id", hash="hash", position=3))
    with db.engine.begin() as connection:
        assert connection.exec_driver_sql("DELETE FROM audit_events WHERE id <= 2").rowcount == 2


@both_databases
@pytest.mark.parametrize(
    ("event", "digest", "position"),
    [
        ("2147483647", "hash", 3),  # empties the log, links and all
        ("2147483647", "hash", 2),
        ("event_id + 1", "hash", 2),
        ("event_id - 1", "hash", 2),
        ("event_id", f"'{ZEROS}'", 2),
        ("event_id", "hash", 3),  # the newest link always stays
    ],
)
def test_a_pruning_that_retention_would_not_write_is_refused(
    trail: None, event: str, digest: str, position: int
) -> None:
    _is_refused(PRUNE.format(event=event, hash=digest, position=position))


@both_databases
def test_no_pruning_covers_a_young_event(app: Flask, fake_clock: FakeClock) -> None:
    fake_clock.advance(days=LONG_AFTER)
    chained(1)
    fake_clock.advance(days=LONG_AGO - LONG_AFTER)  # later events may claim to be old
    chained(2)
    _is_refused(PRUNE_2)


@both_databases
def test_an_event_without_a_link_is_covered_by_no_pruning(app: Flask, fake_clock: FakeClock):
    """A lower id alone is no reason: on PostgreSQL it may have been committed late."""
    fake_clock.advance(days=LONG_AGO)
    chained(3)
    with db.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO audit_events (id, happened_at, action, subject_type)"
            " VALUES (50, '2000-01-01 00:00:00+00', 'late', 'thing')"
        )
    tamper("UPDATE audit_chain SET event_id = 60 WHERE position = 2")
    tamper("UPDATE audit_events SET id = 60 WHERE id = 2")
    with db.engine.begin() as connection:
        connection.exec_driver_sql(PRUNE_2)
    _is_refused("DELETE FROM audit_events WHERE id = 50")
    for position in (-1, 0, 1, 2):
        _is_refused(
            "INSERT INTO audit_chain (position, event_id, details_digest, hash, chained_at)"
            f" VALUES ({position}, 50, 'x', 'x', '2000-01-01 00:00:00+00')"
        )


@both_databases
def test_a_temporary_table_of_the_same_name_deceives_nobody(trail: None) -> None:
    """Names without a schema are looked up among temporary tables first."""
    before = _rows()
    with db.engine.connect() as connection:
        for table in ("audit_prunings", "audit_chain"):
            connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {table}")
        schema = "main" if connection.dialect.name == "sqlite" else "public"
        connection.exec_driver_sql(
            "INSERT INTO audit_prunings (id, through_event_id, position, hash, pruned_at)"
            f" SELECT 9, 9, 9, hash, chained_at FROM {schema}.audit_chain WHERE position = 1"
        )
        with pytest.raises(DatabaseError, match="events of the audit log"):
            connection.exec_driver_sql(f"DELETE FROM {schema}.audit_events")
    db.engine.dispose()
    assert _rows() == before


@both_databases
def test_a_seal_notes_once_that_it_was_sent(trail: None) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_seals SET error = 'no answer'")
        connection.exec_driver_sql("UPDATE audit_seals SET error = 'still none'")
        connection.exec_driver_sql("UPDATE audit_seals SET error = NULL, sent_at = sealed_at")
    _is_refused("UPDATE audit_seals SET sent_at = NULL")
    _is_refused("UPDATE audit_seals SET error = 'x'")


@both_databases
def test_the_triggers_guard_columns_that_exist_and_all_of_them(app: Flask) -> None:
    """A column that a later migration adds has to be guarded as well."""
    found = {
        table: {column["name"] for column in inspect(db.engine).get_columns(table)}
        for table in TABLES
    }
    assert found == {
        "audit_events": {
            *("id", "happened_at", "actor_id", "action", "subject_type", "subject_id"),
            *("before", "after", "address", "session_ref", "device_ref", "redacted_at"),
        },
        "audit_chain": {
            *("position", "event_id", "details_salt", "details_digest", "hash", "chained_at"),
        },
        "audit_prunings": {"id", "through_event_id", "position", "hash", "pruned_at"},
        "audit_seals": {"id", "day", "position", "hash", "sealed_at", "sent_at", "error"},
    }
