"""A desk that is backed up, and an empty place of the same kind to restore it into."""

from dataclasses import replace

import pytest

from tests.support.postgres import PostgresServer
from tests.support.recovery.places import QUICK_WORK
from webapp.config import BackupSettings, Config
from webapp.services.recovery import age_stream


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying a passphrase takes time and memory on purpose; here it takes next to none."""
    monkeypatch.setattr(age_stream, "WORK_FACTOR", QUICK_WORK)


@pytest.fixture
def config(config: Config, postgres_here: PostgresServer | None) -> Config:
    """The programs of the server's own version are taken."""
    binaries = postgres_here and postgres_here.binaries
    return replace(config, backups=BackupSettings(postgres_bin=binaries))
