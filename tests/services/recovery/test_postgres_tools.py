"""PostgreSQL's programs: which one is taken, and what everybody on the machine could read of it."""

import tempfile
from pathlib import Path

import pytest
from flask import Flask

from tests.support.recovery.places import back_up
from webapp.config import Config
from webapp.services.recovery import postgres_tools
from webapp.services.recovery.postgres_tools import connection_words, find_program, running
from webapp.services.recovery.scratch import BackupError

URL = "postgresql+psycopg://desk:top%40secret@db.example:5433/desk?sslmode=verify-full"


def test_the_password_is_never_on_the_command_line() -> None:
    words, variables = connection_words(URL)
    assert words == [
        "--dbname=user=desk dbname=desk host=db.example port=5433 sslmode=verify-full"
    ] or {*words[0].removeprefix("--dbname=").split()} == {
        *("user=desk", "dbname=desk", "host=db.example", "port=5433", "sslmode=verify-full")
    }
    assert variables == {"PGPASSWORD": "top@secret"}
    words, variables = connection_words(
        "postgresql+psycopg://x@/y?host=/run/sock&password=hidden&prepare_threshold=5"
    )
    assert "hidden" not in words[0]
    assert "prepare_threshold" not in words[0]
    assert variables == {"PGPASSWORD": "hidden"}


def make(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / name
    script.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
    script.chmod(0o755)
    return folder


def test_the_oldest_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("14.2", "16.1", "18.0"):
        make(tmp_path / version.partition(".")[0] / "bin", "pg_dump", version)
    (tmp_path / "15" / "bin").mkdir(parents=True)
    monkeypatch.setattr(postgres_tools, "_SYSTEM", tmp_path)
    monkeypatch.setenv("PATH", str(make(tmp_path / "path", "pg_dump", "13.9 (Debian 13.9-1)")))
    assert find_program("pg_dump", None, 15).major == 16
    assert find_program("pg_dump", None, 9).major == 13
    with pytest.raises(BackupError, match="newest pg_dump on this machine is of version 18, and"):
        find_program("pg_dump", None, 19)
    with pytest.raises(BackupError, match=r"There is no pg_restore on this machine\. Install"):
        find_program("pg_restore", None, 15)


def test_what_is_no_program_is_passed_over(tmp_path: Path) -> None:
    folder = make(tmp_path / "bin", "pg_dump", "")
    (folder / "pg_dump").write_text("not a program at all")
    with pytest.raises(BackupError, match="There is no pg_dump in"):
        find_program("pg_dump", folder, 1)


def test_a_failure_says_what_the_program_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no folder for temporary files, where its words would lie beside the others'."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    script = make(tmp_path, "pg_dump", "1") / "pg_dump"
    script.write_text("#!/bin/sh\necho >&2\necho 'pg_dump: error: no <b>way' >&2\nexit 3\n")
    with (
        pytest.raises(BackupError, match="It failed: pg_dump: error: no <b>way"),
        running([str(script)], {}, tmp_path) as program,
    ):
        program.finish(lambda: None, "It failed")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_database_that_goes_away_amid_a_dump_is_a_sentence(
    app: Flask,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "webapp.services.recovery.snapshot.connection_words",
        lambda _url: (["--dbname=host=/nowhere"], {}),
    )
    with pytest.raises(BackupError, match="pg_dump could not read the database: pg_dump: error"):
        back_up(config, tmp_path / "desk.age")
    assert not (tmp_path / "desk.age").exists()
