"""`triagedesk doctor`: its exit code for monitors, and an installation without Redis on purpose."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.support.rows import all_rows, change
from webapp import __version__
from webapp.models import Connection, PollRun


@pytest.fixture
def connection_id(shell: Shell) -> str:
    """A connection that a timer polls."""
    connection_id = shell.connect()
    shell.route(connection_id)
    shell.ok("poll", connection_id)
    shell.clock.advance(minutes=5)
    shell.ok("poll", "--due")
    return connection_id


def test_the_exit_code_tells_well_from_stopped_from_wrong(shell: Shell, connection_id: str) -> None:
    assert [run.trigger for run in all_rows(PollRun)] == ["command", "timer"]
    assert "redis: not needed" in shell.ok("doctor")
    shell.ok("connection", "pause", connection_id)
    stopped = shell.run("doctor")
    assert stopped.exit_code == 3
    assert "STOP  connection 1 (Acme MSP): Paused since Tuesday 12:05 UTC" in stopped.stdout
    document = json.loads(shell.run("doctor", "--json").stdout)
    assert (document["ok"], document["stopped"]) == (False, True)
    shell.clock.advance(days=1)
    shell.ok("poll", "--due")  # the timer goes on
    assert shell.run("doctor").exit_code == 3, "and not that the timer or Redis is missing"
    shell.ok("connection", "resume", connection_id)
    shell.clock.advance(minutes=5)
    assert "overdue" not in shell.json("connection", "list")[0]["state"], "just resumed"
    shell.clock.advance(minutes=1)
    assert shell.json("connection", "list")[0]["state"] == "overdue"
    wrong = shell.run("doctor")
    assert wrong.exit_code == 1
    assert "FAIL  connection 1 (Acme MSP): A poll has been due since Wednesday" in wrong.stdout


def test_a_disconnected_account_is_well_once_it_is_acknowledged(
    shell: Shell, connection_id: str
) -> None:
    now = shell.clock.now()
    gone = {"disconnected_at": now, "api_key": None, "api_secret": None}
    change(Connection, int(connection_id), **gone)
    assert shell.run("doctor").exit_code == 3
    change(Connection, int(connection_id), disconnect_acknowledged_at=now + timedelta(hours=1))
    assert "-     connection 1 (Acme MSP): Disconnected since" in shell.ok("doctor")


def test_the_community_edition_has_nothing_overdue(shell: Shell, connection_id: str) -> None:
    shell.clock.advance(days=1)
    result = shell.run("doctor", TRIAGEDESK_EDITION="community")
    assert "is an Enterprise feature." in result.stdout
    assert "has been due" not in result.stdout
    listed = shell.run("connection", "list", "--json", TRIAGEDESK_EDITION="community")
    [row] = json.loads(listed.stdout)
    assert (row["state"], row["next_poll_at"], row["error"]) == ("not available", None, None)


def test_the_version(shell: Shell) -> None:
    assert shell.ok("--version") == f"triagedesk {__version__}\n"


def test_the_file_of_breached_passwords_is_looked_at(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "hashes.txt"
    path.write_text("password\n123456\n")
    assert "breached passwords" not in shell.run("doctor").stdout
    told = shell.run("doctor", TRIAGEDESK_BREACHED_PASSWORDS=str(path))
    assert told.exit_code == 1
    assert f"FAIL  breached passwords: {path} cannot be searched: a line is not" in told.stdout
    path.write_text(f"{'A' * 40}:3\n")
    told = shell.run("doctor", TRIAGEDESK_BREACHED_PASSWORDS=str(path))
    assert f"ok    breached passwords: {path} can be searched" in told.stdout
