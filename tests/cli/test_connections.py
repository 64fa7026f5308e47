"""`triagedesk connection`."""

import json
from datetime import timedelta

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.rows import all_rows, audit_actions
from webapp.crypto import generate_key
from webapp.huntress.simulator.faults import Faults
from webapp.models import Connection


@both_databases
def test_add_and_list(shell: Shell) -> None:
    shell.simulator.account.add_organization("Globex", id=7)
    added = shell.json(
        "connection", "add", "--name", "Main", "--base-url", shell.simulator.base_url
    )
    [listed] = shell.json("connection", "list")
    assert listed == added
    assert (listed["id"], listed["name"], listed["account_name"]) == (1, "Main", "Acme MSP")
    assert listed["missing_routing"] == ["board", "fallback_client", "fallback_board"]
    assert (listed["is_connected"], listed["is_started"], listed["is_paused"]) == (
        True,
        False,
        False,
    )
    assert listed["unmapped"] == listed["organizations"] == 1
    assert "hs_demo" not in json.dumps(listed)


def test_add_in_words(shell: Shell) -> None:
    said = shell.ok("connection", "add", "--base-url", shell.simulator.base_url)
    assert 'Connected to Huntress account "Acme MSP".' in said
    assert "(connection 1)" in said
    assert "hs_demo" not in said


def test_an_empty_list(shell: Shell) -> None:
    assert shell.json("connection", "list") == []
    assert "No connections yet" in shell.ok("connection", "list")


def test_list_in_words(shell: Shell) -> None:
    shell.connect()
    heading, line = shell.ok("connection", "list").splitlines()
    assert heading.split()[:5] == ["id", "name", "account", "name", "state"]
    assert "Acme MSP" in line
    assert "routing incomplete" in line


def test_key_and_secret_come_from_the_environment(shell: Shell) -> None:
    del shell.env["HUNTRESS_API_SECRET"]
    result = shell.run("connection", "add", "--base-url", shell.simulator.base_url)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Set HUNTRESS_API_KEY and HUNTRESS_API_SECRET" in result.stderr
    result = shell.run("connection", "add", "--json")
    assert result.exit_code == 1
    assert "Set HUNTRESS_API_KEY" in json.loads(result.stdout)["error"]
    assert all_rows(Connection) == []


def test_a_refusal_is_a_sentence_on_stderr(shell: Shell) -> None:
    shell.env["HUNTRESS_API_SECRET"] = "hs_wrong"
    said = shell.refused("connection", "add", "--base-url", shell.simulator.base_url)
    assert said == (
        "Error: Huntress refused the credentials: the API key or the secret is wrong or was "
        "revoked. Create a new API key in the Huntress portal (API Credentials) and enter both its "
        "parts.\n"
    )


def test_a_refusal_as_json(shell: Shell) -> None:
    result = shell.run("connection", "add", "--base-url", "https://elsewhere.example", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["success"] is False
    assert "not allowed" in document["error"]


@both_databases
def test_sync_orgs(shell: Shell) -> None:
    connection_id = shell.connect()
    shell.simulator.account.add_organization("Globex", id=7)
    assert shell.json("connection", "sync-orgs", connection_id) == {
        "total": 1,
        "created": 1,
        "updated": 0,
        "auto_matched": 0,
        "ambiguous": 0,
        "gone": 0,
    }
    said = shell.ok("connection", "sync-orgs", connection_id)
    assert said == (
        "Organizations: 1 total, 0 created, 0 updated, 0 auto-matched, 0 ambiguous, 0 gone.\n"
    )


def test_sync_orgs_that_fails(shell: Shell) -> None:
    connection_id = shell.connect()
    shell.simulator.faults = Faults(forbidden=True)
    assert "lacks permission" in shell.refused("connection", "sync-orgs", connection_id)
    assert "no connection 99" in shell.refused("connection", "sync-orgs", "99")


def test_pause_and_resume(shell: Shell) -> None:
    connection_id = shell.connect()
    assert shell.ok("connection", "pause", connection_id) == "Polling of Acme MSP is paused.\n"
    assert shell.json("connection", "list")[0]["state"] == "paused"
    shell.ok("connection", "resume", connection_id)
    assert shell.json("connection", "list")[0]["is_paused"] is False
    options = ("--reason", "Firewall work", "--for", "1h")
    row = shell.json("connection", "pause", connection_id, *options)
    until = (shell.clock.now() + timedelta(hours=1)).isoformat()
    assert (row["pause_reason"], row["paused_until"]) == ("Firewall work", until)
    assert shell.json("connection", "pause", connection_id, "--until-tomorrow")["paused_until"]
    assert "like 90m" in shell.refused("connection", "pause", connection_id, "--for", "soon")
    assert shell.json("connection", "resume", connection_id)["paused_until"] is None
    assert "no connection 99" in shell.refused("connection", "pause", "99")


def test_what_is_no_id(shell: Shell) -> None:
    assert shell.run("connection", "pause", "first").exit_code == 2


def test_community_edition(shell: Shell) -> None:
    reading = ("routing show 1", "mapping list 1", "quarantine list")
    for words in ("connection pause 1", "connection sync-orgs 1", *reading):
        result = shell.run(*words.split(), TRIAGEDESK_EDITION="community")
        assert result.exit_code == 1, words
        assert "is an Enterprise feature" in result.stderr, words


@both_databases
def test_every_command_answers_when_the_encryption_key_is_lost(shell: Shell) -> None:
    shell.simulator.account.add_organization("Globex", id=7)
    lost = shell.connect()
    shell.route(lost)
    shell.ok("poll", lost)
    shell.simulator.account.account.update(id=2, name="Other MSP")
    shell.env["TRIAGEDESK_ENCRYPTION_KEYS"] = generate_key()
    readable = shell.json("connection", "add", "--base-url", shell.simulator.base_url)["id"]
    shell.route(str(readable))
    assert [row["id"] for row in shell.json("connection", "list")] == [1, readable]
    sentence = "Credentials can't be read: enter them again."
    document = json.loads(shell.run("poll", lost, "--json").stdout)
    assert (document["success"], document["error"]) == (False, sentence)
    assert sentence in shell.run("poll", lost).stdout
    assert sentence in shell.refused("connection", "sync-orgs", lost)
    shell.clock.advance(minutes=6)
    results = json.loads(shell.run("poll", "--due", "--json").stdout)
    assert {row["connection_id"]: row["error"] for row in results} == {1: sentence}
    assert shell.json("connection", "list")[0]["state"] == "error"
    assert shell.json("poll", str(readable))["success"]
    for words in (("mapping", "list"), ("routing", "show"), ("connection", "pause")):
        shell.json(*words, lost)
    shell.ok("connection", "resume", lost)
    [check] = [
        one
        for one in json.loads(shell.run("doctor", "--json").stdout)["checks"]
        if one["name"] == "encryption keys"
    ]
    assert not check["ok"]
    shell.json("connection", "forget-credentials", lost)
    assert "Missing Huntress API credentials" in shell.refused("connection", "sync-orgs", lost)
    shell.simulator.account.account.update(id=30911, name="Acme MSP")
    assert shell.connect() == lost
    assert shell.json("poll", lost)["success"]
    assert audit_actions().count("connection.credentials_forgotten") == 1
