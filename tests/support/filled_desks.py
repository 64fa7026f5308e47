"""A filled desk, written once in a test process and copied for every test after that."""

import shutil
from datetime import datetime
from pathlib import Path

from tests.support.desk_data import Desk, fill_desk
from webapp.extensions import db


class FilledDesks:
    """Copies of new SQLite databases that `fill_desk` has filled, by its arguments."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._desks: dict[tuple[datetime, int], tuple[Desk, Path]] = {}

    def fill(self, now: datetime, *, tickets: int) -> Desk:
        """`fill_desk` in the app's database; from a copy, where nothing was written yet."""
        if db.engine.dialect.name != "sqlite" or self._is_written():
            return fill_desk(now, tickets=tickets)
        key = (now, tickets)
        if key not in self._desks:
            desk = fill_desk(now, tickets=tickets)
            self._desks[key] = desk, self._keep(f"{len(self._desks)}.db")
            return desk
        desk, file = self._desks[key]
        db.session.remove()
        db.engine.dispose()
        shutil.copyfile(file, self._database)
        return desk

    @property
    def _database(self) -> Path:
        return Path(str(db.engine.url.database))

    def _is_written(self) -> bool:
        log = self._database.with_name(self._database.name + "-wal")
        return log.exists() and log.stat().st_size > 0

    def _keep(self, name: str) -> Path:
        db.session.remove()
        db.engine.dispose()  # the last connection takes the log into the file
        shutil.copyfile(self._database, self._folder / name)
        return self._folder / name
