"""Backups of older versions: they are migrated, and what they hold stays."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import select, text

from tests.support.databases import both_databases
from tests.support.postgres import PostgresServer
from tests.support.recovery.places import RestorePlace, back_up
from webapp import create_app
from webapp.config import BackupSettings, Config, load_config
from webapp.extensions import db
from webapp.models import Board, Restore
from webapp.schema import known_revisions
from webapp.services.transactions import reading

BEFORE_BACKUPS = "0012"


@pytest.fixture
def old(postgres_here: PostgresServer | None, tmp_path: Path) -> Iterator[RestorePlace]:
    """An installation of before there were backups."""
    place = RestorePlace.create(tmp_path / "old", postgres_here)
    yield place
    place.drop()


@both_databases
def test_an_older_database_is_migrated(
    old: RestorePlace, place: RestorePlace, config: Config, tmp_path: Path
) -> None:
    keys = {
        "TRIAGEDESK_SECRET_KEY": config.secret_key,
        "TRIAGEDESK_ENCRYPTION_KEYS": ",".join(config.encryption_keys),
    }
    former = load_config({**old.env, **keys})
    former = replace(former, backups=BackupSettings(postgres_bin=config.backups.postgres_bin))
    app = create_app(former)
    with app.app_context():
        flask_migrate.upgrade(revision=BEFORE_BACKUPS)
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE boards SET name = 'Old board' WHERE id = 1"))
        made = back_up(former, tmp_path / "old.age")
        db.engine.dispose()
    assert made.manifest.schema == BEFORE_BACKUPS
    assert "restores" not in made.manifest.counts
    place.restore(tmp_path / "old.age")
    with place.opened(), reading() as session:
        assert session.scalars(select(Board.name).where(Board.id == 1)).one() == "Old board"
        assert len(session.scalars(select(Restore)).all()) == 1
        version = session.scalars(text("SELECT version_num FROM alembic_version")).one()
    assert version == max(known_revisions())
