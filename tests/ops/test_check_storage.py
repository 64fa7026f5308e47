"""What doctor and Health say of the database's files, its writes and its objects."""

import os
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.databases import both_databases
from webapp.config import ENCRYPTION_KEYS_FILE, Config
from webapp.extensions import db
from webapp.services.operations import check_storage as storage
from webapp.services.transactions import transaction

pytestmark = pytest.mark.usefixtures("app")


@both_databases
def test_a_database_as_it_should_be_passes_and_is_left_as_it_was(config: Config) -> None:
    checks = storage.check_storage(config, seconds=5)
    assert [check for check in checks if not check.is_ok] == []
    names = {check.name for check in checks}
    assert {"database writes", "schema"} <= names
    assert ("database file" in names) is config.uses_sqlite
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_a_database_that_another_program_holds_takes_no_write(config: Config) -> None:
    holder = sqlite3.connect(config.database_url.removeprefix("sqlite:///"))
    holder.execute("BEGIN IMMEDIATE")
    check = storage.check_writing()
    holder.close()
    assert (check.is_ok, check.detail) == (False, "Nothing can be written: database is locked.")
    assert "Another program holds the database" in check.hint
    assert storage.check_writing().is_ok


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_read_only_postgresql_takes_no_write(app: Flask) -> None:
    with db.engine.connect() as connection:
        name = db.engine.url.database
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
        )
    db.engine.dispose()
    check = storage.check_writing()
    assert not check.is_ok
    assert "read-only transaction" in check.detail
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 200


def test_a_disk_that_takes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    assert "No space left on device" in storage.check_writing().detail


def test_files_of_another_user_are_named_with_what_to_run(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 4711)
    path = Path(config.database_url.removeprefix("sqlite:///"))
    key = config.data_dir / ENCRYPTION_KEYS_FILE
    key.write_text("a key")
    with transaction() as session:
        session.execute(text("UPDATE clients SET notes = ''"))  # from now on there is a WAL
    [check] = storage.check_owners(config)
    assert not check.is_ok
    for file in (path, f"{path}-wal", key):
        assert f"{file} (#" in check.detail or f"{file} (root)" in check.detail
    assert f"sudo chown #{me + 4711} {path}" in check.hint


@both_databases
def test_what_a_migration_should_have_made_is_missed() -> None:
    missing = set()
    for statement, what in (
        ("DROP INDEX ix_tickets_closed_reported", "index ix_tickets_closed_reported"),
        ("ALTER TABLE connections DROP COLUMN lease_holder", "column connections.lease_holder"),
        ("DROP TABLE password_links", "table password_links"),
    ):
        with transaction() as session:
            session.execute(text(statement))
        missing.add(what)
        assert set(storage.find_missing_objects()) == missing
    words = ", ".join(storage.find_missing_objects())
    assert storage.check_objects().detail == f"Missing in the database: {words}."


def test_a_damaged_file_is_told(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(config.database_url.removeprefix("sqlite:///"))
    db.session.remove()
    db.engine.dispose()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 20)
    [check] = storage.check_pages(seconds=5)
    assert not check.is_ok
    assert check.detail.startswith("It is damaged: ")


def test_a_file_too_large_for_the_time_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "QUICK_CHECK_STEPS", 1)
    [check] = storage.check_pages(seconds=-1)
    assert check.is_ok
    assert check.detail.startswith("no damage found within")
