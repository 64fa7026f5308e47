"""A desk that is backed up, and an empty place of the same kind to restore it into."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer
from tests.support.recovery.places import QUICK_WORK, RestorePlace
from webapp.config import BackupSettings, Config
from webapp.services.recovery import age_stream


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying a passphrase takes time and memory on purpose; here it takes next to none."""
    monkeypatch.setattr(age_stream, "WORK_FACTOR", QUICK_WORK)


@pytest.fixture
def server(database_kind: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """The PostgreSQL server, where the test is about one."""
    if database_kind == "sqlite":
        return None
    found: PostgresServer = request.getfixturevalue("postgres_server")
    return found


@pytest.fixture
def config(config: Config, server: PostgresServer | None) -> Config:
    """The programs of the server's own version are taken."""
    return replace(config, backups=BackupSettings(postgres_bin=server and server.binaries))


@pytest.fixture
def place(server: PostgresServer | None, tmp_path: Path) -> Iterator[RestorePlace]:
    """An empty place of the same kind."""
    place = RestorePlace.create(tmp_path / "elsewhere", server)
    yield place
    place.drop()
