"""Backups and restores in tests: quick passphrases, and empty places to restore into."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.postgres import PostgresServer
from webapp import create_app
from webapp.cli.recovery.options import app_alone_on
from webapp.config import Config, load_config
from webapp.extensions import db
from webapp.services.recovery.encryption import Opener, Sealer
from webapp.services.recovery.restore_backup import RestoredBackup, restore_backup
from webapp.services.recovery.write_backup import MadeFile, write_backup

PASSPHRASE = "correct horse battery staple"
QUICK_WORK = 2
"""For scrypt: a passphrase costs next to nothing to try."""

_numbers = itertools.count(1)


def back_up(config: Config, file: Path, **environment: str) -> MadeFile:
    """Write a backup of the current app's database to `file`."""
    return write_backup(config, environment, file, Sealer(passphrase=PASSPHRASE))


@dataclass
class RestorePlace:
    """A machine on which there is nothing yet: an empty data directory, an empty database."""

    data_dir: Path
    database_url: str | None = None
    server: PostgresServer | None = None
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, server: PostgresServer | None) -> "RestorePlace":
        """One of SQLite, or of PostgreSQL where there is a server."""
        folder.mkdir(exist_ok=True)
        if server is None:
            return cls(folder)
        name = f"restored_{next(_numbers)}"
        server.sql(f"CREATE DATABASE {name}")
        return cls(folder, server.url(name), server)

    @property
    def env(self) -> dict[str, str]:
        """The configuration of this place."""
        env = {"TRIAGEDESK_DATA_DIR": str(self.data_dir), **self.keys}
        env["TRIAGEDESK_REDIS_URL"] = f"unix://{self.data_dir}/no-valkey.sock"
        if self.database_url is not None and self.server is not None:
            env["TRIAGEDESK_DATABASE_URL"] = self.database_url
            env["TRIAGEDESK_PG_BIN"] = str(self.server.binaries)
        return env

    def restore(self, file: Path, passphrase: str = PASSPHRASE) -> RestoredBackup:
        """Restore a backup here."""
        return restore_backup(self.env, file, Opener(passphrase=passphrase), app_alone_on)

    @contextmanager
    def opened(self, *hosts: str) -> Iterator[Flask]:
        """Open the app of this place; it may call `hosts`."""
        env = {**self.env, "TRIAGEDESK_HUNTRESS_HOSTS": ",".join(hosts) or "api.huntress.io"}
        app = create_app(load_config(env))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()

    @property
    def is_untouched(self) -> bool:
        """Whether nothing of a restore is left here."""
        if self.server is not None and self.database_url is not None:
            return not self.server.tables(self.database_url)
        return not [one for one in self.data_dir.iterdir() if one.name.startswith("triagedesk.db")]

    def drop(self) -> None:
        """Delete the database."""
        if self.server is not None and self.database_url is not None:
            name = self.database_url.split("@/")[1].split("?")[0]
            self.server.sql(f"DROP DATABASE {name} WITH (FORCE)")


def given_keys() -> dict[str, str]:
    """The variables that give the keys of the tests."""
    return {"TRIAGEDESK_SECRET_KEY": SECRET_KEY, "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY}


def left_overs(data_dir: Path) -> list[str]:
    """What is left of scratch places and unfinished files below a directory."""
    return sorted(
        str(path.relative_to(data_dir))
        for path in data_dir.rglob("*")
        if "scratch" in path.parts or path.name.endswith((".partial", ".new"))
    )
