"""`triagedesk keys`, as from a shell: keys in the data directory, keys that are given."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import ENCRYPTION_KEY
from tests.support.rows import fresh
from webapp.crypto import cipher, generate_key, key_id, read_keys_in, write_key_file
from webapp.models import Connection


@pytest.fixture
def file(shell: Shell, tmp_path: Path) -> Path:
    """The keys stand in the data directory, and an account is connected."""
    path = tmp_path / "encryption.keys"
    write_key_file(path, f"{ENCRYPTION_KEY}\n")
    del shell.env["TRIAGEDESK_ENCRYPTION_KEYS"]
    shell.connect()
    return path


def test_from_one_key_to_the_next(shell: Shell, file: Path) -> None:
    old = key_id(ENCRYPTION_KEY)
    [row] = shell.json("keys", "list")
    assert row == {
        **{"id": old, "role": "encrypts", "values": 2, "old_form": 0},
        "source": f"data directory: {file}",
    }
    result = shell.run("keys", "rotate", "--json")
    assert result.exit_code == 0
    new = key_id(read_keys_in(file)[0])
    assert json.loads(result.stdout) == {
        **{"success": True, "key": new, "is_new": True},
        **{"rewritten": 2, "unreadable": 0, "unused": [old]},
    }
    assert "2 encrypted anew" in result.stderr
    assert shell.json("keys", "verify") == {"success": True, "readable": 2, "unreadable": []}
    assert [row["values"] for row in shell.json("keys", "list")] == [2, 0]
    assert shell.json("keys", "forget", old) == {"success": True, "forgotten": old}
    assert [row["id"] for row in shell.json("keys", "list")] == [new]
    cipher.configure(read_keys_in(file))
    assert fresh(Connection, 1).api_secret == "hs_demo"


def test_in_words(shell: Shell, file: Path) -> None:
    old = key_id(ENCRYPTION_KEY)
    heading, line = shell.ok("keys", "list").splitlines()
    assert heading.split() == ["id", "role", "values", "old", "form", "source"]
    assert line.startswith(f"{old}  encrypts  2")
    said = shell.ok("keys", "rotate")
    assert "is the new key (data directory:" in said
    assert "2 stored secrets were encrypted anew with it." in said
    assert f"Not needed any more: {old}" in said
    assert shell.ok("keys", "verify") == "2 stored secrets can be read.\n"
    said = shell.ok("keys", "forget", old)
    assert said.startswith(f"{old} is forgotten. Backups carry the keys they need.")
    assert "is the newest key" in shell.refused("keys", "forget", key_id(read_keys_in(file)[0]))
    assert "`triagedesk keys list` names them" in shell.refused("keys", "forget", old)


def test_no_key_is_ever_shown(shell: Shell, file: Path) -> None:
    said = "".join(
        (result := shell.run("keys", *words)).stdout + result.stderr
        for words in (("list",), ("rotate",), ("verify",), ("list", "--json"), ("rotate", "--json"))
    )
    assert not [key for key in read_keys_in(file) if key in said]
    assert "hs_demo" not in said


def test_an_interrupted_rotation_says_so(shell: Shell, file: Path) -> None:
    write_key_file(file, f"{generate_key()}\n{ENCRYPTION_KEY}\n")
    said = shell.ok("keys", "rotate")
    assert "had been begun before: no further key was made" in said
    assert len(read_keys_in(file)) == 2


def test_keys_that_are_given_are_not_made(shell: Shell, file: Path) -> None:
    new = generate_key()
    given = {"TRIAGEDESK_ENCRYPTION_KEYS": f"{new},{ENCRYPTION_KEY}"}
    result = shell.run("keys", "rotate", **given)
    assert result.exit_code == 0
    assert "The keys come from TRIAGEDESK_ENCRYPTION_KEYS, where" in result.stdout
    assert "put it before the others, start Triagedesk again" in result.stdout
    assert "2 stored secrets were encrypted anew" in result.stdout
    assert new not in result.stdout
    result = shell.run("keys", "forget", key_id(ENCRYPTION_KEY), **given)
    assert result.exit_code == 1
    assert "take it out there, on every machine" in result.stderr
    assert read_keys_in(file) == (ENCRYPTION_KEY,)


def test_what_cannot_be_read_is_named(shell: Shell, file: Path) -> None:
    write_key_file(file, f"{generate_key()}\n")
    result = shell.run("keys", "verify")
    assert result.exit_code == 1
    assert "FAIL  no configured key fits connections.api_key of row 1" in result.stdout
    result = shell.run("keys", "verify", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["success"] is False
    assert {(one["place"], one["row"]) for one in document["unreadable"]} == {
        ("connections.api_key", 1),
        ("connections.api_secret", 1),
    }
    assert "2 cannot be read and stay as they are" in shell.ok("keys", "rotate")


def test_systemd_hands_the_keys_over(shell: Shell, file: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    file.rename(credentials / "encryption_keys")
    shell.env["CREDENTIALS_DIRECTORY"] = str(credentials)
    [row] = shell.json("keys", "list")
    assert row["source"] == f"systemd credential: {credentials / 'encryption_keys'}"
    assert shell.json("keys", "verify")["readable"] == 2
