"""`triagedesk migrate` and the guard of the schema; parts run in processes of their own."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.processes import run_python, run_triagedesk
from webapp.cli import COMMANDS, triagedesk
from webapp.config import ConfigError


@pytest.fixture(params=["sqlite", "postgresql"])
def variables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation that nobody has migrated yet."""
    values = {"TRIAGEDESK_DATA_DIR": str(tmp_path / "data")}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        server.sql("CREATE DATABASE migrated_at_once")
        values["TRIAGEDESK_DATABASE_URL"] = server.url("migrated_at_once")
        values["TRIAGEDESK_SECRET_KEY"] = SECRET_KEY
        values["TRIAGEDESK_ENCRYPTION_KEYS"] = ENCRYPTION_KEY
    yield values
    if request.param == "postgresql":
        server.sql("DROP DATABASE migrated_at_once WITH (FORCE)")


def test_three_that_migrate_at_once_all_succeed(variables: dict[str, str]) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(run_triagedesk, "migrate", **variables) for _ in range(3)]
    assert [(one.result().returncode, one.result().stderr) for one in done] == [(0, "")] * 3


NEED_NO_DATABASE = {*("up", "migrate", "doctor", "scheduler", "seed-demo", "demo-mail", "restore")}
"""They migrate it, make a new one, tell what is wrong with it, or only fill the queue."""

PARTS = {"worker": (), "watch": (), "web": ("--port", "0")}
WORDS = {
    "connection": ("pause", "1"),
    "keys": ("list",),
    "mail": ("show",),
    "mapping": ("list", "1"),
    "mute": ("--list",),
    "oncall": ("now",),
    "outbox": ("list",),
    "policy": ("list",),
    "poll": ("--due",),
    "prove": ("1",),
    "quarantine": ("list",),
    "recovery": ("status",),
    "backup": ("now",),
    "retention": ("show",),
    "audit": ("verify",),
    "client": ("export", "Acme", "x.zip"),
    "routing": ("show", "1"),
    "sessions": ("list",),
    "target": ("list",),
    "user": ("list", "--json"),
}
"""What else is said for a command that needs more than its name."""


def test_no_command_and_no_part_works_on_a_newer_database(tmp_path: Path) -> None:
    variables = {"TRIAGEDESK_DATA_DIR": str(tmp_path)}
    assert run_triagedesk("migrate", **variables).returncode == 0
    engine = create_engine(f"sqlite:///{tmp_path / 'triagedesk.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    ends = {}
    for name in COMMANDS.keys() - NEED_NO_DATABASE - PARTS.keys():
        words = (name, *WORDS.get(name, ()))
        result = CliRunner().invoke(triagedesk, words, env=variables)
        assert isinstance(result.exception, ConfigError), (words, result.output)
        ends[words] = (result.exit_code, f"{result.stderr}{result.exception}")
    for name, more in PARTS.items():
        ended = run_triagedesk(name, *more, **variables)
        ends[(name, *more)] = (ended.returncode, ended.stderr)
    for words, (code, said) in ends.items():
        assert code == 1, words
        assert "Traceback" not in said, words
        assert "which this version does not know: a newer one wrote it" in said, words
        assert "Install the newer version again" in said, words
    assert CliRunner().invoke(triagedesk, ["poll", "--help"], env=variables).exit_code == 0
    ended = run_python("-c", "import wsgi", **variables)
    assert ended.returncode, sys.executable
    assert "newer one wrote it" in ended.stderr
