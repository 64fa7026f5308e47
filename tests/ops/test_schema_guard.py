"""Every command and part refuses a database of another version; migrations wait for each other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.postgres import PostgresServer
from tests.support.processes import Command, clean_environment, run_triagedesk
from webapp.cli import COMMANDS

EXEMPT = {"up", "migrate", "doctor"}
"""They migrate, or tell what is wrong."""

WORDS = {
    "connection": ("connection", "pause", "1"),
    "routing": ("routing", "show", "1"),
    "mapping": ("mapping", "list", "1"),
    "poll": ("poll", "--due"),
    "quarantine": ("quarantine", "list"),
    "user": ("user", "list"),
}
AT_ONCE = 3


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return {"TRIAGEDESK_DATA_DIR": str(tmp_path / "data")}


def write_revision(settings: dict[str, str], revision: str) -> None:
    path = Path(settings["TRIAGEDESK_DATA_DIR"]) / "triagedesk.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.commit()


def test_every_command_and_part_refuses_a_database_of_another_version(
    settings: dict[str, str],
) -> None:
    assert run_triagedesk("migrate", **settings).returncode == 0
    write_revision(settings, "9999")
    for name in COMMANDS.keys() - EXEMPT - {"seed-demo"}:
        done = run_triagedesk(*WORDS.get(name, (name,)), **settings)
        assert done.returncode == 1, (name, done.stdout)
        assert "which this version does not know: a newer one wrote it." in done.stderr, name
        assert "Traceback" not in done.stderr, name
    write_revision(settings, "0001")
    done = run_triagedesk("scheduler", **settings)
    assert (done.returncode, "Run `triagedesk migrate`" in done.stderr) == (1, True)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_at_the_same_time_all_succeed(
    kind: str, settings: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.sql("CREATE DATABASE migrated_at_once")
        settings |= {
            "TRIAGEDESK_DATABASE_URL": server.url("migrated_at_once"),
            "TRIAGEDESK_SECRET_KEY": SECRET_KEY,
            "TRIAGEDESK_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        }
    words = ["-m", "webapp", "migrate"]
    env = clean_environment(**settings)
    started = [Command(words, tmp_path / str(number), env) for number in range(AT_ONCE)]
    try:
        codes = [command.process.wait(120) for command in started]
    finally:
        for command in started:
            command.close()
    assert codes == [0] * AT_ONCE, [command.output for command in started]
    if kind == "postgresql":
        server.sql("DROP DATABASE migrated_at_once WITH (FORCE)")
