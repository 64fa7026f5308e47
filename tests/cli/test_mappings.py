"""`triagedesk mapping`."""

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.rows import add
from webapp.models import Client


@pytest.fixture
def connection_id(shell: Shell) -> str:
    add(Client(name="Acme"))
    for number, name in enumerate(("Acme", "Globex\x1b[31m", "Initech"), start=1):
        shell.simulator.account.add_organization(name, id=number)
    return shell.connect()


def _states(shell: Shell, connection_id: str) -> dict[str, tuple[str, str | None]]:
    rows = shell.json("mapping", "list", connection_id)
    return {row["organization_id"]: (row["state"], row["client"]) for row in rows}


@both_databases
def test_list_and_set(shell: Shell, connection_id: str) -> None:
    assert _states(shell, connection_id) == {
        "1": ("auto_matched", "Acme"),
        "2": ("unmapped", None),
        "3": ("unmapped", None),
    }
    said = shell.ok("mapping", "set", connection_id, "2", "--client", "acme", "--tickets", "on")
    assert said == "Globex[31m: Acme, tickets on.\n"
    assert shell.ok("mapping", "set", connection_id, "1", "--none") == (
        "Acme: no client (triage), tickets on.\n"
    )
    assert shell.ok("mapping", "set", connection_id, "3", "--tickets", "off") == (
        "Initech: no client (triage), tickets off.\n"
    )
    assert _states(shell, connection_id) == {
        "1": ("unmapped", None),
        "2": ("mapped", "Acme"),
        "3": ("excluded", None),
    }


def test_switching_tickets_keeps_the_client(shell: Shell, connection_id: str) -> None:
    assert "Acme: Acme, tickets off." in shell.ok(
        "mapping", "set", connection_id, "1", "--tickets", "off"
    )


def test_list_in_words(shell: Shell, connection_id: str) -> None:
    lines = shell.ok("mapping", "list", connection_id).splitlines()
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)
    assert lines[1].split() == ["1", "Acme", "Acme", "yes", "auto_matched", "-"]


def test_nothing_to_list(shell: Shell) -> None:
    assert "connection sync-orgs 1" in shell.ok("mapping", "list", shell.connect())


@pytest.mark.parametrize("options", [(), ("--client", "Acme", "--none"), ("--tickets", "maybe")])
def test_usage(shell: Shell, connection_id: str, options: tuple[str, ...]) -> None:
    assert shell.run("mapping", "set", connection_id, "1", *options).exit_code == 2


def test_what_does_not_exist(shell: Shell, connection_id: str) -> None:
    words = shell.refused("mapping", "set", connection_id, "1", "--client", "Nope")
    assert 'no client "Nope"; there are: Acme, Internal' in words
    assert "no organization 99" in shell.refused("mapping", "set", connection_id, "99", "--none")
    assert "no connection 9" in shell.refused("mapping", "list", "9")
