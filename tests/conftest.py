"""Fixtures for everything: databases, app, clock, simulated Huntress account."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import settings

from tests.support.ci_rules import (  # noqa: F401
    is_ci,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from tests.support.databases import PostgresTemplate, SqliteTemplate, make_config
from tests.support.fake_clock import FakeClock
from tests.support.kinds import pytest_collection_modifyitems  # noqa: F401
from tests.support.made_once import (
    COMPILED_TEMPLATES,
    compiled_addresses,
    compiled_statements,
)
from tests.support.postgres import PostgresServer
from tests.support.recovery.places import RestorePlace
from webapp import clock, create_app
from webapp.config import Config
from webapp.extensions import SQLITE_PRAGMAS, db
from webapp.outage import DATABASE, REDIS
from webapp.services.people import users

QUICK_EXAMPLES = 10
REAL_HASHER = users._hasher

# Property tests: without a time limit an example, the machine may be busy.
settings.register_profile("full", deadline=None, derandomize=is_ci(), print_blob=True)
settings.register_profile("quick", settings.get_profile("full"), max_examples=QUICK_EXAMPLES)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password takes time and memory on purpose; here it is hashed with next to none.

    Hashes carry their cost with them: other processes check these with the same code as ever.
    """
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with patch.object(users, "_hasher", cheap):
        yield


@pytest.fixture
def real_passwords(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """For what is about the cost of a password: the product's own."""
    monkeypatch.setattr(users, "_hasher", REAL_HASHER)
    return REAL_HASHER


@pytest.fixture(scope="session", autouse=True)
def quick_apps() -> Iterator[None]:
    """An app costs 10 ms instead of 90: what is the same in all of them is made once.

    Nor has a database of a test to outlive a power failure.
    """
    with (
        compiled_addresses(),
        compiled_statements(),
        patch.dict(SQLITE_PRAGMAS, synchronous="OFF"),
    ):
        yield


@pytest.fixture(autouse=True)
def no_outage() -> None:
    """Whatever another test took away, for this one the database and Redis were never away."""
    for outage in (DATABASE, REDIS):
        outage.forget()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, one for each test process that needs it."""
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_templates(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, SqliteTemplate | PostgresTemplate]:
    """Migrated templates by kind, made when first asked for."""
    return {}


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """SQLite, unless the test asks for both (`both_databases`) or names one itself."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def database_url(
    database_kind: str,
    database_templates: dict[str, SqliteTemplate | PostgresTemplate],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """An empty database of its own, migrated, with the start data of a new install."""
    if database_kind not in database_templates:
        folder = tmp_path_factory.mktemp("template")
        database_templates[database_kind] = (
            SqliteTemplate(folder)
            if database_kind == "sqlite"
            else PostgresTemplate(request.getfixturevalue("postgres_server"), folder)
        )
    template = database_templates[database_kind]
    url = template.new_url(tmp_path)
    yield url
    template.drop(url)


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Config:
    """The configuration of the test's app."""
    return make_config(tmp_path, database_url)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The app, with its context pushed: services can be called directly."""
    app = create_app(config)
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def postgres_here(database_kind: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """The PostgreSQL server, where the test is about one."""
    if database_kind == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres_server")
    return found


@pytest.fixture
def place(postgres_here: PostgresServer | None, tmp_path: Path) -> Iterator[RestorePlace]:
    """An empty place of the same kind, to restore a backup into."""
    place = RestorePlace.create(tmp_path / "elsewhere", postgres_here)
    yield place
    place.drop()


@pytest.fixture
def fake_clock() -> Iterator[FakeClock]:
    """A clock that stands still until told otherwise; waiting moves it and takes no time."""
    fake = FakeClock()
    with clock.replaced(fake.now, fake.sleep):
        yield fake
