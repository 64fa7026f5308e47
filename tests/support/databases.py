"""Fresh, migrated databases for tests: copied from a template, so that each takes milliseconds."""

import itertools
import shutil
from datetime import timedelta
from pathlib import Path

import flask_migrate
import pytest

from tests.support.postgres import PostgresServer
from webapp import create_app
from webapp.config import Config, FactorRule, SecuritySettings
from webapp.crypto import generate_key
from webapp.extensions import db

ENCRYPTION_KEY = generate_key()
SECRET_KEY = "a secret of the tests, long enough to be taken"

both_databases = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
postgresql_in_soak = pytest.mark.parametrize(
    "database_kind",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)],
    indirect=True,
)
"""For what takes long on each: `make test` plays it on SQLite, `make soak` on PostgreSQL."""

sqlite_in_soak = pytest.mark.parametrize(
    "database_kind",
    [pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"],
    indirect=True,
)
"""Runs a test on SQLite and on PostgreSQL."""


TEST_SECURITY = SecuritySettings(
    idle_lifetime=timedelta(days=90), second_factor=FactorRule.OPTIONAL
)
"""Days pass in tests while somebody looks at a page; what is told of signing in sets its own."""


def make_config(folder: Path, database_url: str | None = None, **changes: object) -> Config:
    """A configuration for tests; nothing listens at its Redis address."""
    values: dict[str, object] = {
        "data_dir": folder,
        "database_url": database_url or f"sqlite:///{folder / 'triagedesk.db'}",
        "redis_url": f"unix://{folder / 'no-valkey.sock'}",
        "secret_key": SECRET_KEY,
        "encryption_keys": (ENCRYPTION_KEY,),
        "huntress_calls_per_minute": 60,
        "security": TEST_SECURITY,
    }
    return Config(**{**values, **changes})  # type: ignore[arg-type]


def migrate_database(config: Config) -> None:
    """Bring the database of `config` to the newest migration."""
    app = create_app(config)
    with app.app_context():
        flask_migrate.upgrade()
        db.engine.dispose()


class SqliteTemplate:
    """A migrated SQLite file, copied for each test."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._config = make_config(folder)
        migrate_database(self._config)
        self._file = folder / "triagedesk.db"

    def new_url(self, folder: Path) -> str:
        target = folder / "triagedesk.db"
        shutil.copyfile(self._file, target)
        return f"sqlite:///{target}"

    def drop(self, url: str) -> None:
        """The file goes with the test's folder."""


class PostgresTemplate:
    """A migrated PostgreSQL database, used as the template of each test's own."""

    name = "postgresql"

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        server.sql("CREATE DATABASE template_triagedesk")
        migrate_database(make_config(folder, server.url("template_triagedesk")))

    def new_url(self, folder: Path) -> str:
        name = f"test_{next(self._numbers)}"
        # Copying files takes less than half of what writing their contents to the log does.
        options = "TEMPLATE template_triagedesk STRATEGY FILE_COPY"
        self._server.sql(f"CREATE DATABASE {name} {options}")
        return self._server.url(name)

    def drop(self, url: str) -> None:
        name = url.split("@/")[1].split("?")[0]
        self._server.sql(f"DROP DATABASE {name} WITH (FORCE)")
