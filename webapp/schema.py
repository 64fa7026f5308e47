"""The numbered migrations, and what runs them."""

from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from webapp.extensions import db

migrate = Migrate()


def migrations_dir() -> Path:
    """The directory of the numbered migrations: beside the package, or inside an installed one."""
    package = Path(__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def init_migrations(app: Flask) -> None:
    """Bind the migrations to the app's database."""
    migrate.init_app(app, db, directory=str(migrations_dir()), render_as_batch=True)
