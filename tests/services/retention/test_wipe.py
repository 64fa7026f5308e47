"""What was erased leaves the files of SQLite, also where somebody was reading them meanwhile."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.poller import Desk
from tests.support.rows import all_rows, fresh
from tests.support.security.forgetting import MARK, NAME, Marked, files_that_say, fill
from webapp.extensions import SQLITE_BUSY_MILLISECONDS, db
from webapp.models import Erasure
from webapp.services.errors import RefusedError
from webapp.services.retention import go_on, wipe
from webapp.services.retention.forget_client import begin_forgetting_client
from webapp.services.retention.go_on import go_on_forgetting, go_on_with_all
from webapp.services.retention.wipe import compact_database, empty_write_ahead_log


@pytest.fixture
def marked(desk: Desk) -> Marked:
    return fill(desk)


@pytest.fixture
def reader(marked: Marked, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who reads the database as it is with the client, as a backup does."""
    path = tmp_path / "triagedesk.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM clients").fetchone()
        yield connection


def forget(marked: Marked) -> Erasure:
    erasure = begin_forgetting_client(marked.client_id, typed_name=NAME)
    go_on_forgetting(erasure)
    return fresh(Erasure, erasure.id)


def test_it_is_noted_that_the_files_hold_nothing(marked: Marked, tmp_path: Path) -> None:
    erasure = forget(marked)
    assert erasure.wiped_at is not None
    assert files_that_say(tmp_path, MARK) == []


def test_what_a_reader_keeps_in_the_files_is_wiped_later(
    marked: Marked, reader: sqlite3.Connection, tmp_path: Path
) -> None:
    erasure = forget(marked)
    assert (erasure.finished_at is not None, erasure.wiped_at) == (True, None)
    go_on_with_all()
    assert fresh(Erasure, erasure.id).wiped_at is None, "somebody reads it still"
    assert files_that_say(tmp_path, MARK)
    reader.execute("ROLLBACK")
    assert go_on_with_all() == 0
    assert fresh(Erasure, erasure.id).wiped_at is not None
    assert files_that_say(tmp_path, MARK) == []


def test_nobody_who_writes_waits_for_somebody_who_reads(
    marked: Marked, reader: sqlite3.Connection
) -> None:
    begin_forgetting_client(marked.client_id, typed_name=NAME)
    began = time.monotonic()
    assert not empty_write_ahead_log()
    assert time.monotonic() - began < SQLITE_BUSY_MILLISECONDS / 1000 / 5
    with db.engine.connect() as connection:
        waits = connection.execute(text("PRAGMA busy_timeout")).scalar_one()
    assert waits == SQLITE_BUSY_MILLISECONDS, "the connection is everybody's again"


def test_compacting_says_where_a_file_still_holds_it(
    marked: Marked, reader: sqlite3.Connection
) -> None:
    with pytest.raises(RefusedError, match="somebody still reads"):
        compact_database()
    reader.execute("ROLLBACK")
    compact_database()


def test_nothing_is_done_where_nothing_was_erased(
    marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wipe, "_run", lambda *_: pytest.fail("there is nothing to wipe"))
    assert go_on_with_all() == 0


def test_one_that_fails_keeps_no_other_from_going_on(
    marked: Marked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin_forgetting_client(marked.client_id, typed_name=NAME)
    other = marked.desk.add_client("Globex")
    begin_forgetting_client(other, typed_name="Globex")
    real = go_on.go_on_forgetting_client

    def fail_once(erasure: Erasure) -> None:
        if erasure.subject_id == marked.client_id:
            raise OSError("the disk is gone")
        real(erasure)

    monkeypatch.setattr(go_on, "go_on_forgetting_client", fail_once)
    assert go_on_with_all() == 2
    assert f"Forgetting client {marked.client_id} failed" in caplog.text
    finished = {one.subject_id: one.finished_at is not None for one in all_rows(Erasure)}
    assert finished == {marked.client_id: False, other: True}
