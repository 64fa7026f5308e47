"""`triagedesk routing`."""

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.rows import add
from webapp.models import Category, Priority


@both_databases
def test_set_and_show(shell: Shell) -> None:
    connection_id = shell.connect()
    add(Category(name="Phishing", board_id=1))
    add(Priority(name="P1", position=0, colour="red"))
    shown = shell.json(
        *("routing", "set", connection_id, "--board", "Security", "--category", "phishing"),
        *("--fallback-client", "Internal (unmapped security)"),
        *("--fallback-board", "Security Triage", "--priority", "critical=P1"),
        *("--priority", "LOW=Low", "--backfill-days", "3", "--interval", "1"),
        *("--auto-close", "Closed", "--leave-touched-open", "on", "--reopen", "off"),
    )
    assert shown == shell.json("routing", "show", connection_id)
    assert shown == {
        "id": 1,
        "board": "Security",
        "category": "Phishing",
        "subcategory": None,
        "fallback_client": "Internal (unmapped security)",
        "fallback_board": "Security Triage",
        "priorities": {"critical": "P1", "high": "High", "low": "Low"},
        "poll_interval_minutes": 1,
        "backfill_days": 3,
        "auto_close_tickets": True,
        "closed_status": "Closed",
        "leave_touched_open": True,
        "reopen_tickets": False,
        "is_complete": True,
        "missing": [],
    }


def test_what_is_not_given_stays(shell: Shell) -> None:
    connection_id = shell.connect()
    shell.route(connection_id)
    before = shell.json("routing", "show", connection_id)
    shell.ok("routing", "set", connection_id, "--auto-close", "Closed")
    shell.ok("routing", "set", connection_id, "--auto-close", "off")
    after = shell.json("routing", "show", connection_id)
    assert after == {**before, "closed_status": "Closed"}


def test_in_words(shell: Shell) -> None:
    connection_id = shell.connect()
    said = shell.ok("routing", "set", connection_id, "--board", "Security")
    assert "routing is still incomplete" in said
    assert "Still missing: fallback_client, fallback_board" in said
    shown = shell.ok("routing", "show", connection_id)
    assert "board: Security\n" in shown
    assert "priorities: critical → Critical, high → High, low → Medium\n" in shown
    assert "auto close tickets: no\n" in shown


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--board", "Nope"), 'no board "Nope"; there are: Security, Security Triage'),
        (("--fallback-client", "Nope"), "there are: Internal (unmapped security)."),
        (("--priority", "high=Nope"), 'no priority "Nope"'),
        (("--auto-close", "Open"), 'no closed status "Open"'),
        (("--interval", "61"), "poll interval minutes: Enter a whole number from 1 to 60."),
        (("--backfill-days", "0"), "backfill days: Enter a whole number from 1 to 30."),
        (("--interval", "0", "--backfill-days", "0"), "poll interval minutes: Enter a whole"),
    ],
)
def test_what_cannot_be_taken(shell: Shell, options: tuple[str, ...], words: str) -> None:
    connection_id = shell.connect()
    before = shell.json("routing", "show", connection_id)
    assert words in shell.refused("routing", "set", connection_id, *options)
    assert shell.json("routing", "show", connection_id) == before


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--priority", "medium=High"),
        ("--priority", "high"),
        ("--priority", "high="),
        ("--reopen", "x"),
    ],
)
def test_usage(shell: Shell, options: tuple[str, ...]) -> None:
    assert shell.run("routing", "set", shell.connect(), *options).exit_code == 2


def test_unknown_connection(shell: Shell) -> None:
    assert "no connection 5" in shell.refused("routing", "show", "5")
    assert "no connection 5" in shell.refused("routing", "set", "5", "--board", "Security")
