"""The numbered migrations, and what runs them."""

from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_migrate import Migrate
from sqlalchemy import Connection

from webapp.extensions import db

migrate = Migrate()
RESTORING = "restoring"
"""What the migration of a PostgreSQL database is called while a backup is restored into it."""

OVER = "connection"
"""The attribute of Alembic's configuration that holds a connection to migrate over."""


def migrations_dir() -> Path:
    """The directory of the numbered migrations: beside the package, or inside an installed one."""
    package = Path(__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def init_migrations(app: Flask) -> None:
    """Bind the migrations to the app's database."""
    migrate.init_app(app, db, directory=str(migrations_dir()), render_as_batch=True)


def upgrade_over(connection: Connection) -> None:
    """Migrate in the transaction that `connection` is in: it happens with all else in it."""
    config = current_app.extensions["migrate"].migrate.get_config()
    config.attributes[OVER] = connection
    command.upgrade(config, "head")


def known_revisions() -> set[str]:
    """The numbers of all migrations that this version knows."""
    scripts = ScriptDirectory(str(migrations_dir()))
    return {script.revision for script in scripts.walk_revisions()}
