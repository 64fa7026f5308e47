"""Migrations: numbered, upgrades only, the same as the models on every database."""

import ast
import re
from pathlib import Path

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.migrations.schema import schema_differences
from tests.support.databases import both_databases
from tests.support.source_tree import imported_names
from webapp.extensions import Base, db
from webapp.models import Board, Client, Priority, Status, Ticket, User

FOLDER = Path(__file__).parents[2] / "migrations"
FILES = sorted(path for path in (FOLDER / "versions").glob("*.py"))


def revisions() -> list[str]:
    """The revisions from the first to the last."""
    scripts = ScriptDirectory(str(FOLDER))
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def test_migrations_are_numbered_without_gaps():
    assert revisions() == [f"{number:04}" for number in range(1, len(FILES) + 1)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_migration_is_named_after_its_number_and_what_it_does(path):
    assert re.fullmatch(r"\d{4}_[a-z0-9_]+", path.stem)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("revision", "down_revision")
    }
    number = int(path.stem[:4])
    assert values["revision"] == path.stem[:4]
    assert values["down_revision"] == (f"{number - 1:04}" if number > 1 else None)
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_migration_only_goes_up_and_needs_no_code_that_may_change(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert "upgrade" in names
    assert "downgrade" not in names
    imported = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported_names(node)
    ]
    assert not [name for name in imported if name.startswith("webapp")]


@both_databases
def test_a_migrated_database_is_what_the_models_say(app):
    assert schema_differences() == []


@both_databases
def test_names_of_constraints_are_what_the_models_say(app):
    """compare_metadata does not look at the names of foreign and primary keys."""
    found = inspect(db.engine)
    for table in Base.metadata.sorted_tables:
        assert found.get_pk_constraint(table.name)["name"] == table.primary_key.name
        names = {key["name"] for key in found.get_foreign_keys(table.name)}
        assert names == {constraint.name for constraint in table.foreign_key_constraints}


@both_databases
def test_columns_take_nothing_only_where_the_models_say_so(app):
    found = inspect(db.engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}, table.name


@both_databases
def test_the_database_is_at_the_last_migration_and_migrating_again_changes_nothing(app):
    with db.engine.connect() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert before == [revisions()[-1]]
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        after = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        names = connection.execute(select(Status.name)).scalars().all()
    assert after == before
    assert len(names) == len(set(names))


@both_databases
def test_a_new_install_is_usable_at_once(app):
    statuses = db.session.scalars(select(Status).order_by(Status.position)).all()
    assert [status.name for status in statuses] == ["Open", "In progress", "Waiting", "Closed"]
    assert [status.name for status in statuses if status.is_default] == ["Open"]
    assert [status.name for status in statuses if status.is_closed] == ["Closed"]
    priorities = db.session.scalars(select(Priority.name).order_by(Priority.position)).all()
    assert priorities == ["Critical", "High", "Medium", "Low"]
    boards = db.session.scalars(select(Board.name).where(Board.is_active)).all()
    assert set(boards) == {"Security", "Security Triage", "Service Desk"}
    assert db.session.scalars(select(Client.name).where(Client.is_active)).all() == [
        "Internal (unmapped security)"
    ]


@both_databases
def test_a_new_install_holds_nothing_else(app):
    for model in (Ticket, User):
        assert db.session.scalars(select(model)).all() == []


@both_databases
def test_a_second_default_status_is_refused(app):
    """By the database itself, whatever the code does."""
    with db.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(update(Status).values(is_default=True))


@both_databases
def test_a_default_status_that_is_closed_is_refused(app):
    with db.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(update(Status).where(Status.is_default).values(is_closed=True))
