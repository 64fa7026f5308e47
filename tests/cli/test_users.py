"""`triagedesk user`."""

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.rows import all_rows
from tests.support.security.sessions import sign_in_as
from webapp.models import User
from webapp.services.people.sessions import SignInError

PASSWORD = "correct horse"


def _add(shell: Shell, email: str, role: str) -> str:
    return shell.ok("user", "add", email, "--role", role, stdin=PASSWORD + "\n")


@both_databases
def test_adding_and_listing(shell: Shell) -> None:
    assert _add(shell, "Ada@example.com", "admin") == "ada@example.com can sign in (admin).\n"
    _add(shell, "bob@example.com", "helpdesk")
    rows = shell.json("user", "list")
    assert [(row["email"], row["role"], row["is_active"]) for row in rows] == [
        ("ada@example.com", "admin", True),
        ("bob@example.com", "helpdesk", True),
    ]
    assert all("password" not in key for row in rows for key in row)
    assert "bob@example.com" in shell.ok("user", "list")
    assert sign_in_as("ada@example.com", PASSWORD, None)[0].is_admin


def test_nobody_yet(shell: Shell) -> None:
    assert shell.json("user", "list") == []
    assert shell.ok("user", "list") == "No users yet.\n"


def test_the_password_may_hold_spaces_and_needs_no_line_end(shell: Shell) -> None:
    password = "  spaces around  "
    shell.ok("user", "add", "ada@example.com", "--role", "admin", stdin=password)
    sign_in_as("ada@example.com", password, None)


def test_what_cannot_be_taken(shell: Shell) -> None:
    said = shell.refused("user", "add", "ada", "--role", "admin", stdin="short\n")
    assert "email: Enter an e-mail address" in said
    assert "password: A password has at least 8 characters." in said
    said = shell.refused("user", "add", "ada@example.com", stdin=PASSWORD)
    assert "first user has to be one" in said
    assert all_rows(User) == []


def test_passwd(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    shell.ok("user", "passwd", "ADA@example.com", stdin="another password\n")
    sign_in_as("ada@example.com", "another password", None)
    with pytest.raises(SignInError):
        sign_in_as("ada@example.com", PASSWORD, None)
    assert "at least 8" in shell.refused("user", "passwd", "ada@example.com", stdin="\n")


def test_role_and_deactivate(shell: Shell) -> None:
    _add(shell, "ada@example.com", "admin")
    _add(shell, "bob@example.com", "helpdesk")
    assert "last active admin" in shell.refused("user", "deactivate", "ada@example.com")
    assert shell.ok("user", "role", "bob@example.com", "admin") == "bob@example.com is admin now.\n"
    assert "cannot sign in" in shell.ok("user", "deactivate", "ada@example.com")
    assert [row["is_active"] for row in shell.json("user", "list")] == [False, True]
    assert "last active admin" in shell.refused("user", "role", "bob@example.com", "helpdesk")


def test_unknown_people_and_roles(shell: Shell) -> None:
    for arguments in (("passwd", "eve@example.com"), ("deactivate", "eve@example.com")):
        assert "no user eve@example.com" in shell.refused("user", *arguments, stdin=PASSWORD)
    assert shell.run("user", "role", "eve@example.com", "owner").exit_code == 2
